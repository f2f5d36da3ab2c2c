"""What of the standards about trust is not spoken, for the table of docs/conformance.md."""

UNSUPPORTED_TRUST = [
    ("ETSI TS 119 602 §6", "Lists of trusted entities", "said in a list of our own form; docs/decisions/0013 maps it"),
    (
        "OpenID Federation 1.0 §3",
        "Entity statements",
        "lists are fetched whole, so that nobody learns who is asked about",
    ),
    (
        "TUF 1.0 §2.1",
        "Snapshot, timestamp and threshold signatures",
        "each list has its own version and end, and one key",
    ),
]
