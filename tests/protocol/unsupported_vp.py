"""What of OpenID4VP 1.0 is not spoken, for the table of docs/conformance.md."""

UNSUPPORTED_VP = [
    ("OpenID4VP 1.0 §5", "Authorization Request", "requests are links to the consent page; no request object yet"),
    ("OpenID4VP 1.0 §6.1", "multiple, trusted_authorities", "one certificate answers a request; refused by name"),
    ("OpenID4VP 1.0 §6.1", "formats other than dc+sd-jwt", "no mdoc or W3C credentials are issued; refused by name"),
    ("OpenID4VP 1.0 §6.2", "credential_sets", "one certificate answers a request; refused by name"),
    ("OpenID4VP 1.0 §8", "Response modes", "the presentation is deposited sealed; direct_post is not there yet"),
]
