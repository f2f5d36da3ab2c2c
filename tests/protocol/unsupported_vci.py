"""What of OpenID4VCI 1.0 and the OAuth around it is not spoken, for the table of docs/conformance.md."""

UNSUPPORTED_VCI = [
    ("OpenID4VCI 1.0 §5.1.1", "claims in authorization_details", "a certificate is issued whole; ignored, as unknown members are"),
    ("OpenID4VCI 1.0 §8.2", "zip in encryption parameters", "compression tells lengths and hides bombs; refused by name"),
    ("OpenID4VCI 1.0 §10", "encryption other than ECDH-ES on P-256 with AES-GCM", "not offered in the metadata"),
    ("OpenID4VCI 1.0 appendix F.1", "x5c in a proof", "a certificate is bound to a bare key; refused by name"),
    ("OpenID4VCI 1.0 appendix F.1", "trust_chain in a proof", "no OpenID Federation; refused by name"),
    ("OpenID4VCI 1.0 appendix F.1", "kid with a DID other than did:key and did:jwk", "its document would be a stranger's to serve"),
    ("OpenID4VCI 1.0 appendix F.1", "proofs by other keys than P-256", "wallets of the profile all hold P-256 keys"),
    ("OpenID4VCI 1.0 appendix F.2", "di_vp proof type", "Data Integrity proofs are not read; not in the metadata"),
    ("OpenID4VCI 1.0 appendix D.1", "status of a key attestation", "attestations are short-lived; the reference is kept, not asked"),
    ("OpenID4VCI 1.0 appendix E", "status of a wallet attestation", "attestations are short-lived; the reference is kept, not asked"),
    ("HAIP 1.0 §4.4.1", "certificate path of a wallet attestation's x5c", "the provider's key itself is trusted, not who certifies it"),
    ("RFC 9101 §4", "request objects at the authorization endpoint", "requests are pushed; refused as request_not_supported"),
    ("OpenID4VCI 1.0 §5.1", "authorization requests that were not pushed", "who asks, and where the answer goes, is known before the browser comes; the metadata say so"),
    ("OpenID4VCI 1.0 §5.1", "several types of certificate in one authorization", "the citizen decides about one at a time; refused as invalid_scope"),
    ("OpenID4VCI 1.0 §8.2", "key sharing between copies", "each copy has a key of its own; a key proven twice is refused"),
    ("OpenID4VCI 1.0 §12.1.1", "client metadata and registration", "wallets are known by attestation, or by nothing"),
    ("OpenID4VCI draft 13 §9", "issuance_pending at the deferred endpoint", "answered as in 1.0, with 202"),
    ("OpenID4VCI draft 13 appendix A.3", "typ vc+sd-jwt of the credential itself", "the copy is the same for all: dc+sd-jwt"),
    ("OAuth attestation-based client auth. draft 07 §8", "challenges", "a proof is minutes old at most and serves once"),
    ("OAuth attestation-based client auth. draft 07 §7", "concatenated serialization", "headers are what wallets send"),
]  # fmt: skip
