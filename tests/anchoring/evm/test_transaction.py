"""Bytes of transactions and calls, judged by eth-account, eth-abi and rlp: other people's implementations."""

from __future__ import annotations

import random
from secrets import token_bytes

import pytest
import rlp as oracle_rlp
from coincurve import PrivateKey
from eth_abi import abi as oracle_abi
from eth_account import Account as OracleAccount
from hypothesis import given
from hypothesis import strategies as st

from anchoring.backends.evm import contract, rlp
from anchoring.backends.evm.contract import Submission, parse_submission
from anchoring.backends.evm.fees import bumped
from anchoring.backends.evm.transaction import (
    Fees,
    Transaction,
    address_of,
    created_address,
    parse_signed,
    sign,
)
from anchoring.errors import LedgerMisconfiguredError, RejectedByLedgerError

KEY = PrivateKey(bytes(range(1, 33)))
TO = bytes(range(20))
CALL = contract.SUBMIT + bytes(range(200))

items = st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=5), max_leaves=12)


def depth_of(item: object) -> int:
    return 1 + max(map(depth_of, item), default=0) if isinstance(item, list) else 0


class TestRlp:
    """Recursive length prefix."""

    @given(item=items)
    def test_it_writes_what_the_oracle_writes_and_reads_it_back(self, item: rlp.Item) -> None:
        encoded = rlp.encode(item)
        assert encoded == oracle_rlp.encode(item)
        if depth_of(item) < rlp.MAX_DEPTH:
            assert rlp.decode(encoded) == item

    @given(data=st.binary(max_size=120))
    def test_what_it_reads_has_one_spelling(self, data: bytes) -> None:
        try:
            item = rlp.decode(data)
        except RejectedByLedgerError:
            return
        assert rlp.encode(item) == data

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x81\x05",
            b"\xb8\x01a",
            b"\xb9\x00\x38" + bytes(56),
            b"\x83ab",
            b"\xc2\x01",
            b"\x01\x01",
            b"\xbf" + b"\xff" * 8,
            b"\xc1" * 50 + b"\xc0",
        ],
    )
    def test_other_spellings_are_refused(self, data: bytes) -> None:
        with pytest.raises(RejectedByLedgerError):
            rlp.decode(data)

    @pytest.mark.parametrize("data", [b"\0", b"\0\x01", b"\x01" * 33])
    def test_numbers_have_one_spelling(self, data: bytes) -> None:
        with pytest.raises(RejectedByLedgerError):
            rlp.decode_integer(data)


def random_transaction(rng: random.Random, *, is_type_2: bool) -> Transaction:
    price = rng.choice([0, 1, 10**9, 10**20])
    fees = Fees(price, rng.choice([0, price])) if is_type_2 else Fees(price)
    chain_id = rng.choice([1, 127, 128, 20200, 31337, 2**40])
    data = rng.randbytes(rng.choice([0, 1, 55, 56, 300]))
    return Transaction(chain_id, rng.choice([0, 1, 255, 10**6]), fees, rng.choice([21000, 10**6]), TO, data)


@pytest.mark.requirement("EIP-155, EIP-1559, EIP-2718", "transactions are signed as others sign them")
@pytest.mark.parametrize("is_type_2", [False, True])
def test_signed_bytes_are_those_of_the_oracle(is_type_2: bool) -> None:
    rng = random.Random(7)
    for _ in range(40):
        key = PrivateKey(rng.randbytes(32))
        made = random_transaction(rng, is_type_2=is_type_2)
        fields = {
            "chainId": made.chain_id,
            "nonce": made.nonce,
            "gas": made.gas,
            "to": "0x" + TO.hex(),
            "data": made.data,
            "value": 0,
        }
        price = (
            {"maxFeePerGas": made.fees.price, "maxPriorityFeePerGas": made.fees.tip, "type": 2}
            if is_type_2
            else {"gasPrice": made.fees.price}
        )
        oracle = OracleAccount.sign_transaction({**fields, **price}, key.secret)
        raw = sign(made, key)
        assert raw == bytes(oracle.raw_transaction)
        signed = parse_signed(raw)
        assert (signed.transaction, signed.hash) == (made, bytes(oracle.hash))
        assert "0x" + signed.sender.hex() == OracleAccount.from_key(key.secret).address.lower()


def test_addresses_are_those_of_the_specification() -> None:
    # Ethereum's most quoted pair: the key of 1, and the contract that sender 0x6ac7… makes first.
    assert (
        address_of(PrivateKey(b"\x01".rjust(32, b"\0")).public_key).hex() == "7e5f4552091a69125d5dfcb7b8c2659029395bdf"
    )
    sender = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert created_address(sender, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert created_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"


@pytest.mark.parametrize("fees", [Fees(10**9), Fees(10**9, 10**8)])
def test_every_altered_byte_is_refused_or_changes_who_signed(fees: Fees) -> None:
    raw = sign(Transaction(31337, 5, fees, 90_000, TO, CALL), KEY)
    good = parse_signed(raw)
    for at in range(len(raw)):
        for mutant in (raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :], raw[:at], raw[:at] + raw[at + 1 :]):
            try:
                found = parse_signed(mutant)
            except RejectedByLedgerError:
                continue
            # The higher of the two signatures of one text is the only other one of the same key; no chain takes it.
            assert found.sender != good.sender or found.transaction != good.transaction
            assert found.hash != good.hash


@given(data=st.binary(max_size=300))
def test_hostile_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    for raw in (data, b"\x02" + data):
        with pytest.raises(RejectedByLedgerError):
            parse_signed(raw)


def test_what_we_never_sign_is_refused() -> None:
    key = KEY.secret
    base = {"chainId": 5, "nonce": 0, "gas": 21000, "to": "0x" + TO.hex(), "data": b""}
    with_value = OracleAccount.sign_transaction({**base, "gasPrice": 1, "value": 1}, key)
    without_chain = OracleAccount.sign_transaction(
        {name: value for name, value in {**base, "gasPrice": 1, "value": 0}.items() if name != "chainId"}, key
    )
    listed = OracleAccount.sign_transaction(
        {
            **base,
            "value": 0,
            "type": 2,
            "maxFeePerGas": 1,
            "maxPriorityFeePerGas": 1,
            "accessList": [{"address": "0x" + TO.hex(), "storageKeys": []}],
        },
        key,
    )
    for made in (with_value, without_chain, listed):
        with pytest.raises(RejectedByLedgerError):
            parse_signed(bytes(made.raw_transaction))


class TestCalls:
    """The contract's interface, as words."""

    @pytest.mark.parametrize("count", [0, 1, 5, 126])
    def test_a_submission_is_what_the_oracle_encodes(self, count: int) -> None:
        proof = [token_bytes(32) for _ in range(count)]
        made = Submission(token_bytes(32), 2**63 - 1, token_bytes(32), 17, tuple(proof))
        types = ["bytes32", "uint64", "bytes32", "uint64", "bytes32[]"]
        expected = oracle_abi.encode(types, [made.origin, made.size, made.root, made.old_size, proof])
        assert made.encode() == contract.SUBMIT + expected
        assert parse_submission(made.encode()) == made

    def test_an_inclusion_question_is_what_the_oracle_encodes(self) -> None:
        path = [token_bytes(32) for _ in range(3)]
        types = ["bytes32", "uint64", "uint64", "bytes32", "bytes32[]"]
        origin, leaf = token_bytes(32), token_bytes(32)
        expected = oracle_abi.encode(types, [origin, 9, 3, leaf, path])
        assert contract.ask_inclusion(origin, 9, 3, leaf, tuple(path)) == contract.VERIFY_INCLUSION + expected

    @given(data=st.binary(max_size=400))
    def test_other_calls_are_refused(self, data: bytes) -> None:
        for call in (data, contract.SUBMIT + data):
            with pytest.raises(RejectedByLedgerError):
                parse_submission(call)

    def test_a_submission_has_one_spelling(self) -> None:
        good = Submission(bytes(32), 9, bytes(32), 5, (bytes(32),) * 3).encode()
        for at in (4 + 4 * 32 + 31, 4 + 5 * 32 + 31):
            with pytest.raises(RejectedByLedgerError):
                parse_submission(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        too_long = Submission(bytes(32), 9, bytes(32), 5, (bytes(32),) * 127).encode()
        with pytest.raises(RejectedByLedgerError):
            parse_submission(too_long)

    @pytest.mark.parametrize("answer", [b"", bytes(31), bytes(64), bytes(160)])
    def test_an_answer_of_another_length_is_no_answer_of_the_contract(self, answer: bytes) -> None:
        readers = [contract.read_root, contract.read_newest, contract.read_flag]
        for reader in readers:
            with pytest.raises(LedgerMisconfiguredError):
                reader(answer)

    def test_an_answer_out_of_range_is_no_answer_of_the_contract(self) -> None:
        with pytest.raises(LedgerMisconfiguredError):
            contract.read_newest(contract.word(2**63) + bytes(96))
        with pytest.raises(LedgerMisconfiguredError):
            contract.read_flag(contract.word(2))
        assert contract.read_newest(bytes(128)) is None
        assert contract.read_flag(contract.word(1))


class TestFees:
    """What a replacement offers."""

    @given(
        price=st.integers(0, 10**20), tip=st.integers(0, 10**20), market=st.integers(0, 10**20), extra=st.integers(0, 9)
    )
    def test_a_replacement_is_an_eighth_more_on_both_and_not_below_the_market(
        self, price: int, tip: int, market: int, extra: int
    ) -> None:
        old = Fees(price + tip, tip)
        new = bumped(old, Fees(market + extra, extra))
        assert new.tip is not None
        assert 8 * new.price >= 9 * old.price
        assert 8 * new.tip >= 9 * tip
        assert new.price > old.price
        assert new.tip > tip
        assert new.price >= max(market + extra, new.tip)

    def test_a_type_may_change_with_the_chain(self) -> None:
        assert bumped(Fees(800), Fees(100)) == Fees(900)
        assert bumped(Fees(800, 80), Fees(100)) == Fees(900)
        assert bumped(Fees(800), Fees(100, 10)) == Fees(900, 900)
