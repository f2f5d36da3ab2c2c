"""What of OpenID4VP 1.0 is not spoken, for the table of docs/conformance.md."""

UNSUPPORTED_VP = [
    ("OpenID4VP 1.0 §5.5", "scope in place of a DCQL query", "no profile here defines one; queries are registered"),
    ("OpenID4VP 1.0 §5.9.3", "openid_federation, verifier_attestation", "a certificate or DID says who asks"),
    ("OpenID4VP 1.0 §5.10", "wallet_metadata", "read and ignored: what we ask does not depend on the wallet"),
    ("OpenID4VP 1.0 §5.11", "verifier_info", "the register at /verifiers/ says it to everyone"),
    ("OpenID4VP 1.0 §8.1", "presentations as JSON objects", "no format spoken here has them"),
    ("OpenID4VP 1.0 §6.1", "ignoring a claim asked for twice", "a SHOULD; the query is refused as the mistake it is"),
    ("OpenID4VP 1.0 §6.1.1", "finding etsi_tl, openid_federation", "matched against what the caller established"),
    ("OpenID4VP 1.0 §7.2", "Claims path pointers into mdoc", "no mdoc; a query for one is read and met by nothing"),
    ("OpenID4VP 1.0 §B.1.3.2", "ldp_vc", "no Data Integrity proofs; a query for one is read and met by nothing"),
    ("OpenID4VP 1.0 §B.2", "mso_mdoc", "no mdoc; a query for one is read and met by nothing"),
    ("OpenID4VP 1.0 §B.3.5", "types that inherit from vct_values", "a MAY of wallets; the very type is needed"),
    ("OpenID4VP 1.0 §8", "fragment and query response modes", "an answer in an address stays in histories and logs"),
    ("OpenID4VP 1.0 §8.3", "signed inside the encryption", "the key binding signs what is shown"),
]
