from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from protocol import openid4vp
from protocol.encoding import b64u_encode, json_dumps
from protocol.errors import TransactionDataFormatError, TransactionDataHashError

TERMS = {"type": "https://issuer.example/authorization/v1", "credential_ids": ["certificate"], "purpose": "開戶"}


@pytest.mark.requirement(
    "OpenID4VP 1.0 §8.4", "transaction data is base64url of an object with type and credential_ids"
)
def test_transaction_data_is_read_back() -> None:
    assert openid4vp.parse_transaction_data(openid4vp.encode_transaction_data(TERMS)) == TERMS


@pytest.mark.requirement("OpenID4VP 1.0 §8.4", "malformed transaction data is refused")
@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        "%%%",
        "é",
        "A" * ((1 << 15) + 1),
        b64u_encode(b"[]"),
        b64u_encode(b'{"type":"a","type":"b","credential_ids":["c"]}'),
        *(b64u_encode(json_dumps({**TERMS, **change})) for change in ({"type": ""}, {"type": 1})),
        *(b64u_encode(json_dumps({**TERMS, "credential_ids": ids})) for ids in (None, [], [1], [""], "c")),
    ],
)
def test_malformed_transaction_data_is_refused(bad: Any) -> None:
    with pytest.raises(TransactionDataFormatError):
        openid4vp.parse_transaction_data(bad)


def test_transaction_data_that_would_be_refused_is_not_made() -> None:
    with pytest.raises(TransactionDataFormatError):
        openid4vp.encode_transaction_data({"type": "x"})


@pytest.mark.requirement("OpenID4VP 1.0 §B.3.3.1", "the hash is over the transaction data as sent")
def test_the_hash_is_over_the_text_as_sent() -> None:
    encoded = openid4vp.encode_transaction_data(TERMS)
    assert openid4vp.hash_transaction_data(encoded) == b64u_encode(sha256(encoded.encode()).digest())
    with pytest.raises(TransactionDataFormatError):
        openid4vp.hash_transaction_data("é")


@pytest.mark.requirement("OpenID4VP 1.0 §B.3.3.1", "the key binding JWT covers exactly the transaction data, in order")
@pytest.mark.parametrize(
    "change",
    [
        {"transaction_data_hashes": None},
        {"transaction_data_hashes": []},
        {"transaction_data_hashes": ["x"]},
        {"transaction_data_hashes_alg": "sha-512"},
        {"transaction_data_hashes_alg": None},
    ],
)
def test_other_hashes_are_refused(change: dict[str, Any]) -> None:
    encoded = openid4vp.encode_transaction_data(TERMS)
    binding = {"transaction_data_hashes": [openid4vp.hash_transaction_data(encoded)]}
    openid4vp.check_transaction_data(binding, [encoded])
    openid4vp.check_transaction_data({**binding, "transaction_data_hashes_alg": "sha-256"}, [encoded])
    with pytest.raises(TransactionDataHashError):
        openid4vp.check_transaction_data({**binding, **change}, [encoded])
