"""The attack catalogue: every token that must be refused, with the code and the reason, and the benign controls."""

from __future__ import annotations

from tests.protocol import attacks_binding, attacks_claims, attacks_disclosure, attacks_jws, benign_controls
from tests.protocol.makers import Case

JWS = tuple(attacks_jws.cases())
DISCLOSURES = tuple(attacks_disclosure.cases())
KEY_BINDING = tuple(attacks_binding.cases())
CLAIMS = tuple(attacks_claims.cases())
CONTROLS = tuple(benign_controls.cases())

ATTACKS: tuple[Case, ...] = (*JWS, *DISCLOSURES, *KEY_BINDING, *CLAIMS)
