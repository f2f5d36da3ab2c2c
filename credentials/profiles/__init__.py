"""The certificate types this service ships with. A new type is a new module and a line here."""

from __future__ import annotations

from credentials.profiles import birth_certificate, diploma, prescription, professional_licence, proof_of_residence
from credentials.profiles.fields import Profile

PROFILES: tuple[Profile, ...] = (
    birth_certificate.PROFILE,
    proof_of_residence.PROFILE,
    diploma.PROFILE,
    professional_licence.PROFILE,
    prescription.PROFILE,
)
