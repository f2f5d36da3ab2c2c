"""What of DID Core 1.0 and of DID Resolution's binding is not done, for the table of docs/conformance.md."""

UNSUPPORTED_DID = [
    ("DID Core 1.0 §3.2.1", "service, relativeRef", "WeID documents hold no services; answered with notFound"),
    ("DID Core 1.0 §3.2.1", "hl", "non-normative; a version is named by versionId, and its digest is in the log"),
    ("DID Core 1.0 §7.1.3", "equivalentId, canonicalId", "a WeID has one spelling, and no other DID for its subject"),
    (
        "DID Resolution, HTTP(S) binding",
        "501 for a method that is not supported",
        "400 with methodNotSupported: 5xx is kept for faults of our own, so that alarms can trust it",
    ),
    ("DID Resolution, HTTP(S) binding", "POST", "optional; options travel in the query"),
]
