"""What of the W3C's credential standards is left out on purpose, for the table of docs/conformance.md."""

UNSUPPORTED_W3C = [
    (
        "VCDM 2.0 §4.12",
        "Data Integrity proofs",
        "credentials are secured by envelopes; a proof is judged by its form alone",
    ),
    ("VCDM 2.0 §4.13", "presentations with embedded credentials", "VC-JOSE-COSE asks for envelopes"),
    ("VCDM 2.0 §5.3", "comparing digests of related resources", "they would have to be fetched"),
    (
        "VCDM 2.0 §6.1",
        "JSON-LD processing",
        "contexts are read for what they define; our documents are proven with jsonld",
    ),
    ("VC-JOSE-COSE §3.1.3", "JWS JSON serialization", "not recommended there; a second form is a second parser"),
    ("VC-JOSE-COSE §3.3", "securing with COSE", "wallets ask for JOSE; enveloped COSE is recognised by its form"),
    ("VC-JOSE-COSE §3", "encryption of credentials (JWE)", "transport is encrypted by OpenID4VCI and OpenID4VP"),
    (
        "VC-JOSE-COSE §5.4",
        "ignoring a credentialStatus that is not understood",
        "it could be a revocation: could not check",
    ),
    (
        "VC-JOSE-COSE §5.4",
        "checking credentialSchema",
        "schemas of strangers would have to be fetched; ours are checked at issue",
    ),
    (
        "VC-JOSE-COSE §4",
        "ES384, ES512 and EdDSA on what the service accepts",
        "ES256 alone; the command for the suite has them",
    ),
    ("VC-JWT 1.1", "the claims vc and vp, typ JWT", "another version of the data model, which 2.0 forbids to mix in"),
    ("Bitstring Status List 1.0", "BitstringStatusListEntry", "statuses are Token Status Lists, in the claim status"),
]
