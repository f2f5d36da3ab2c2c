"""What of Standard Webhooks is not done, for the table of docs/conformance.md."""

UNSUPPORTED_WEBHOOKS = [
    (
        "Standard Webhooks 1.0 Signature scheme",
        "asymmetric signatures (v1a)",
        "each endpoint has a secret of its own, which only its owner holds beside us",
    ),
    (
        "Standard Webhooks 1.0 Static source IPs",
        "deliveries come from a fixed list of addresses",
        "a matter of the network in which the workers run",
    ),
]
