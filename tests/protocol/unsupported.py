"""Rules we leave out on purpose: (source and section, rule, reason)."""

UNSUPPORTED_JOSE: list[tuple[str, str, str]] = [
    ("RFC 7515 §3.2", "JWS JSON serialization", "wallets send the compact form; a second form is a second parser"),
    ("RFC 7515 §4.1.2", "jku", "a token may not bring its own key"),
    ("RFC 7515 §4.1.3", "jwk in a credential or key binding", "a token may not bring its own key"),
    ("RFC 7515 §4.1.5", "x5u", "a token may not bring its own key"),
    ("RFC 7515 §4.1.11", "critical extensions", "none is needed, so each one is refused"),
    ("RFC 7515 §F", "detached content", "no document here needs it"),
    ("RFC 7518 §3.2", "HMAC", "a verifier must not be able to sign"),
    ("RFC 7518 §3.3", "RSA signatures", "HAIP asks for ES256; RSA keys are large and slow to make"),
    (
        "RFC 7518 §3.4",
        "ES384 and ES512 on what the service accepts",
        "one curve suffices and keeps the allow-list at one entry",
    ),
    ("RFC 7518 §3.6", "alg none", "an unsigned token is nobody's"),
    ("RFC 7797 §3", "unencoded payload (b64)", "changes what the signature covers"),
    ("RFC 8037 §3.1", "EdDSA on credentials and key bindings", "used for checkpoints of the log only"),
    ("RFC 8812 §3.2", "ES256K signatures", "secp256k1 keys are read for WeIdentity identifiers only"),
    ("RFC 9901 §8", "SD-JWT JSON serialization", "wallets send the compact form"),
    ("RFC 9901 §4.1.1", "hashes beyond SHA-2", "sha-256, sha-384 and sha-512 cover what wallets use"),
    ("SD-JWT VC §4", "type metadata documents that extend each other", "our types are complete; none extends another"),
]
