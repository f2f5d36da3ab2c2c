"""What of OpenID Connect is not spoken, for the table of docs/conformance.md."""

UNSUPPORTED_OIDC = [
    ("OpenID Connect Core 1.0 §3.2, §3.3", "implicit and hybrid flow", "tokens never pass through the browser"),
    ("OpenID Connect Core 1.0 §5.5", "claims parameter", "what is disclosed is registered and approved beforehand"),
    ("OpenID Connect Core 1.0 §6", "request objects", "requests are short and bound by PKCE; refused by name"),
    ("OpenID Connect Core 1.0 §11", "offline_access", "every sign-in asks the person"),
    ("OpenID Connect Core 1.0 §10.2", "encrypted ID tokens", "TLS to the token endpoint protects them"),
    ("OpenID Connect Discovery 1.0 §2", "WebFinger", "relying parties know their provider"),
    ("OpenID Connect Registration 1.0 §3", "dynamic registration", "organisations register their systems themselves"),
]
