"""The Digital Credentials Query Language (OpenID4VP 1.0 §6, §7): what a verifier asks, and what answers it.

A wallet matches a query against what it holds; a verifier checks a response against its own query, because it may not
trust a wallet to have done so (§14.9); a registrar compares what is asked with what was registered.
"""

from protocol.dcql.explaining import AskedCredential, AskedSet, Explanation, explain
from protocol.dcql.matching import (
    Authority,
    Candidate,
    HeldCredential,
    Selection,
    SetChoice,
    is_satisfied,
    match,
    match_credential,
)
from protocol.dcql.parsing import parse_path, parse_query
from protocol.dcql.paths import select_values
from protocol.dcql.query import (
    AUTHORITY_KEY_IDENTIFIER,
    ClaimQuery,
    CredentialQuery,
    CredentialSet,
    Query,
    TrustedAuthority,
    credential_query,
)
from protocol.dcql.response import PresentedCredential, chain_authorities, check_response, present
from protocol.dcql.scope import Excess, find_excess

__all__ = [
    "AUTHORITY_KEY_IDENTIFIER",
    "AskedCredential",
    "AskedSet",
    "Authority",
    "Candidate",
    "ClaimQuery",
    "CredentialQuery",
    "CredentialSet",
    "Excess",
    "Explanation",
    "HeldCredential",
    "PresentedCredential",
    "Query",
    "Selection",
    "SetChoice",
    "TrustedAuthority",
    "chain_authorities",
    "check_response",
    "credential_query",
    "explain",
    "find_excess",
    "is_satisfied",
    "match",
    "match_credential",
    "parse_path",
    "parse_query",
    "present",
    "select_values",
]
