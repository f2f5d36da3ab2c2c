"""C2SP tlog-policy with ledger lines: strict reading, and a quorum that is met, not met, or not to be told."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import quorum
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key, verify
from protocol.cosignature import Ed25519Cosigner, MldsaCosigner, add_lines, cosign
from protocol.errors import NoteSignatureError, QuorumPolicyError
from protocol.note import KeyType, VerifierKey
from protocol.quorum import Outcome, PolicyGroup, PolicyLedger, QuorumPolicy, evaluate, parse_policy

ORIGIN = "log.example/macau"
LOG = SeedSigner(ORIGIN, b"\x01" * 32)
LOG_VKEY = verifier_key(LOG).vkey
NOTE = sign(Checkpoint(ORIGIN, 5, bytes(32)), LOG)
NOW = 1_679_315_147


def cosigner(number: int) -> Ed25519Cosigner:
    return Ed25519Cosigner(f"witness.example/{number}", bytes([number]) * 32)


def vkey(number: int) -> str:
    return cosigner(number).verifier_key.vkey


def mldsa_vkey(name: str, number: int) -> str:
    """A key of the right form that nobody holds: making a real one takes longer."""
    return VerifierKey(name, number.to_bytes(1312, "big"), KeyType.COSIGNATURE_MLDSA44).vkey


# The example of the specification, with keys, comments and every kind of whitespace.
EXAMPLE = f"""# The example of tlog-policy
log {LOG_VKEY}

witness X1 {vkey(1)}
witness X2\t{vkey(2)} https://x2.example/witness
  witness  X3   {vkey(3)}\t
group X-witnesses 2 X1 X2 X3
\t
witness Y1 {vkey(4)}
witness Y2 {vkey(5)}
witness Y3 {vkey(6)}
group Y-witnesses any Y1 Y2 Y3

   # two organisations
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
LEDGERS = f"""log {LOG_VKEY}
witness gd {vkey(1)}
ledger contract evm chain_id=20200 address=0x52908400098527886e0f7030069857d2e4169ee7
ledger stamp timestamp certificate=3f0c
group attested any gd contract stamp
quorum attested
"""


def policy_with(*lines: str) -> QuorumPolicy:
    return parse_policy("".join(f"{line}\n" for line in lines))


@pytest.mark.requirement("C2SP tlog-policy, Example policy", "the published example, with keys")
def test_the_example_of_the_specification_is_read() -> None:
    policy = parse_policy(EXAMPLE)
    assert policy == parse_policy(EXAMPLE.encode())
    assert [log.key for log in policy.logs] == [verifier_key(LOG)] == list(policy.log_keys)
    assert [witness.name for witness in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert policy.witnesses[1].url == "https://x2.example/witness"
    assert policy.groups == (
        PolicyGroup("X-witnesses", 2, ("X1", "X2", "X3")),
        PolicyGroup("Y-witnesses", 1, ("Y1", "Y2", "Y3")),
        PolicyGroup("X-and-Y", 2, ("X-witnesses", "Y-witnesses")),
    )
    assert policy.quorum == "X-and-Y"
    assert policy.members == {"X1", "X2", "X3", "Y1", "Y2", "Y3"}


@pytest.mark.requirement("C2SP tlog-policy, Example policy", "two of X and one of Y are needed, no fewer")
def test_the_example_is_met_exactly_as_it_says() -> None:
    policy = parse_policy(EXAMPLE)
    names = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    for chosen in product([False, True], repeat=6):
        satisfied = [name for name, is_in in zip(names, chosen, strict=True) if is_in]
        expected = sum(chosen[:3]) >= 2 and sum(chosen[3:]) >= 1
        assert (evaluate(policy, satisfied=satisfied).outcome is Outcome.MET) is expected


def test_ledger_lines_name_kind_and_pins() -> None:
    policy = parse_policy(LEDGERS)
    contract, stamp = policy.ledgers
    assert (contract.name, contract.kind) == ("contract", "evm")
    assert dict(contract.pins) == {"chain_id": "20200", "address": "0x52908400098527886e0f7030069857d2e4169ee7"}
    assert stamp == PolicyLedger("stamp", "timestamp", {"certificate": "3f0c"})
    assert policy.members == {"gd", "contract", "stamp"}


def test_a_pin_may_hold_what_a_verifier_key_holds() -> None:
    text = mldsa_vkey("witness.example/gd", 7)
    assert text.endswith("=")
    assert dict(policy_with(f"ledger w remote vkey={text}", "quorum w").ledgers[0].pins) == {"vkey": text}


@pytest.mark.parametrize(
    ("satisfied", "unknown", "outcome"),
    [
        ([], [], Outcome.NOT_MET),
        (["gd"], [], Outcome.MET),
        (["stamp"], ["contract"], Outcome.MET),
        ([], ["contract"], Outcome.UNDETERMINED),
        (["contract"], ["contract"], Outcome.MET),
        (["attested"], [], Outcome.NOT_MET),
        ([], ["attested"], Outcome.NOT_MET),
        (["none", "stranger", LOG_VKEY], ["stranger"], Outcome.NOT_MET),
    ],
)
def test_what_could_not_be_asked_is_neither_met_nor_lost(
    satisfied: list[str], unknown: list[str], outcome: Outcome
) -> None:
    assert evaluate(parse_policy(LEDGERS), satisfied=satisfied, unknown=unknown).outcome is outcome


def test_the_result_says_who_counted_who_lacks_and_who_was_not_asked() -> None:
    policy = policy_with(
        *(f"witness W{number} {vkey(number)}" for number in (1, 2, 3)),
        "ledger C evm chain_id=1",
        "group two 2 W1 W2 C",
        "quorum two",
    )
    result = evaluate(policy, satisfied=["W3", "W1", "two"], unknown=["C"])
    assert (result.outcome, result.counted, result.missing, result.undecided) == (
        Outcome.UNDETERMINED,
        ("W1",),
        ("W2",),
        ("C",),
    )
    assert evaluate(policy, satisfied=["W3"], unknown=["C"]).outcome is Outcome.NOT_MET
    assert evaluate(policy, satisfied=["W2", "W1"], unknown=["C"]).outcome is Outcome.MET


@given(
    threshold=st.integers(1, 6),
    states=st.lists(st.sampled_from(["satisfied", "unknown", "missing"]), min_size=6, max_size=6),
)
def test_undetermined_means_that_the_unasked_would_decide(threshold: int, states: list[str]) -> None:
    """The definition itself: both answers of the unasked are tried, and differ exactly when it is undetermined."""
    policy = QuorumPolicy((), (), tuple(PolicyLedger(f"L{n}", "evm", {}) for n in range(6)), (
        PolicyGroup("left", min(threshold, 3), ("L0", "L1", "L2")),
        PolicyGroup("right", 1, ("L3", "L4", "L5")),
        PolicyGroup("all", 2 if threshold > 3 else 1, ("left", "right")),
    ), "all")  # fmt: skip
    by_state = {state: [f"L{n}" for n, each in enumerate(states) if each == state] for state in set(states)}
    satisfied, unknown = by_state.get("satisfied", []), by_state.get("unknown", [])
    worst = evaluate(policy, satisfied=satisfied).outcome
    best = evaluate(policy, satisfied=[*satisfied, *unknown]).outcome
    expected = worst if worst is best else Outcome.UNDETERMINED
    assert evaluate(policy, satisfied=satisfied, unknown=unknown).outcome is expected


@pytest.mark.requirement("C2SP tlog-policy, Defining the quorum", "none asks for no cosignature")
def test_none_is_always_met() -> None:
    policy = policy_with(f"log {LOG_VKEY} https://log.example/", "quorum none")
    assert policy.logs[0].url == "https://log.example/"
    assert policy.members == frozenset()
    assert evaluate(policy, satisfied=[]).outcome is Outcome.MET


@pytest.mark.requirement("C2SP tlog-policy, What is a policy", "only the quorum is mandatory; logs may be left out")
def test_a_policy_may_name_one_witness_and_no_log() -> None:
    policy = policy_with(f"witness W {vkey(1)}", "quorum W")
    assert (policy.logs, policy.members) == ((), frozenset({"W"}))
    assert evaluate(policy, satisfied=["W"]).counted == ("W",)


@pytest.mark.requirement("C2SP tlog-policy, Structure", "witnesses and logs may follow the quorum")
def test_definitions_may_follow_the_quorum() -> None:
    policy = policy_with(f"witness W {vkey(1)}", "quorum W", f"witness V {vkey(2)}", f"log {LOG_VKEY}")
    assert (len(policy.witnesses), policy.members) == (2, frozenset({"W"}))


@pytest.mark.requirement("C2SP tlog-policy, Character set", "names are opaque octets, non-ASCII and not UTF-8 included")
def test_names_are_opaque_octets() -> None:
    for name in ("證人", "K", "\N{KELVIN SIGN}", "a\N{NO-BREAK SPACE}b", "all", "2", "any"):
        assert policy_with(f"witness {name} {vkey(1)}", f"group g all {name}", "quorum g").members == {name}
    raw = b"witness \xff\x80 " + vkey(1).encode() + b"\nquorum \xff\x80\n"
    policy = parse_policy(raw)
    assert evaluate(policy, satisfied=policy.members).outcome is Outcome.MET
    with pytest.raises(QuorumPolicyError):
        policy_with(f"witness K {vkey(1)}", "quorum \N{KELVIN SIGN}")


def test_names_of_cosigners_are_found_in_a_note() -> None:
    policy = parse_policy(EXAMPLE)
    note = add_lines(NOTE, [cosign(NOTE, cosigner(number), NOW) for number in (1, 3, 6, 9)])
    assert verify(note, policy.log_keys).size == 5
    assert policy.cosigned_by(note) == {"X1", "X3", "Y3"}
    assert evaluate(policy, satisfied=policy.cosigned_by(note)).outcome is Outcome.MET
    assert policy.cosigned_by(NOTE) == frozenset()
    with pytest.raises(NoteSignatureError):
        policy.cosigned_by(note.replace("\n5\n", "\n6\n"))


def test_a_witness_counts_once_however_often_it_signs() -> None:
    policy = parse_policy(EXAMPLE)
    note = add_lines(NOTE, [cosign(NOTE, cosigner(number), NOW + later) for later in range(3) for number in (1, 4)])
    assert evaluate(policy, satisfied=policy.cosigned_by(note)).outcome is Outcome.NOT_MET


W = f"witness W {vkey(1)}"


@pytest.mark.requirement("C2SP tlog-policy, Policy file syntax and structure", "what breaks a rule is refused")
@pytest.mark.parametrize(
    "lines",
    [
        [],
        [W],
        ["quorum"],
        ["quorum none none"],
        ["quorum none", "quorum none"],
        ["quorum missing"],
        ["Quorum none"],
        ["quorum\u00a0none"],
        ["quorum W", W],
        [W, "quorum w"],
        [W, "quorum W # comment"],
        [f"witness none {vkey(1)}", "quorum none"],
        [W, f"witness W {vkey(2)}", "quorum W"],
        [W, f"witness V {vkey(1)}", "quorum W"],
        [W, f"witness V {VerifierKey('other', cosigner(1).verifier_key.public_key, KeyType.COSIGNATURE_ED25519).vkey}", "quorum W"],
        ["witness W", "quorum none"],
        [f"witness {vkey(1)}", "quorum none"],
        [f"{W} https://a https://b", "quorum W"],
        [f"witness W {LOG_VKEY}", "quorum W"],
        [f"witness W {vkey(1)[:-4]}", "quorum W"],
        ["witness W \udcff+00000000+AAAA", "quorum W"],
        [f"log {LOG_VKEY}", f"log {LOG_VKEY}", "quorum none"],
        [f"log {LOG_VKEY}", f"log {VerifierKey('other', LOG.public_key).vkey}", "quorum none"],
        ["log", "quorum none"],
        ["log nonsense", "quorum none"],
        [f"log {LOG_VKEY} https://a b", "quorum none"],
        [W, "group G", "quorum W"],
        [W, "group G all", "quorum W"],
        [W, "group G 0 W", "quorum G"],
        [W, "group G 2 W", "quorum G"],
        [W, "group G 01 W", "quorum G"],
        [W, "group G +1 W", "quorum G"],
        [W, "group G ١ W", "quorum G"],
        [W, "group G " + "1" * 5000 + " W", "quorum G"],
        [W, "group G some W", "quorum G"],
        [W, "group G all W W", "quorum G"],
        [W, "group G any W none", "quorum G"],
        [W, "group G all G", "quorum G"],
        ["group G all W", W, "quorum G"],
        [W, "group W all W", "quorum W"],
        [W, "group none all W", "quorum W"],
        [W, "group G all W", "group H all W", "quorum G"],
        [W, "group G all W", "group H all G", "group I all G", "quorum G"],
        ["ledger L", "quorum none"],
        ["ledger L evm", "quorum L"],
        ["ledger L evm chain_id", "quorum L"],
        ["ledger L evm chain_id=", "quorum L"],
        ["ledger L evm =1", "quorum L"],
        ["ledger L evm Chain=1", "quorum L"],
        ["ledger L EVM chain_id=1", "quorum L"],
        ["ledger L evm a=1 a=1", "quorum L"],
        ["ledger none evm a=1", "quorum none"],
        ["ledger L evm a=1", "ledger M evm a=1", "quorum L"],
        ["ledger L evm a=1 b=2", "ledger M evm b=2 a=1", "quorum L"],
        ["ledger L evm a=1", "ledger L evm a=2", "quorum L"],
        # One ledger under two names would count twice: spelled in another case, or with a pin more.
        ["ledger L evm a=0xAB", "ledger M evm a=0xab", "quorum L"],
        ["ledger L evm a=1", "ledger M evm a=1 b=2", "quorum L"],
        ["ledger L evm a=1 c=3", "ledger M evm a=1 b=2", "quorum L"],
        ["ledger L evm a=1", "ledger M evm b=2", "quorum L"],
        # A witness as a ledger would let its key count twice.
        [f"ledger L witness vkey={vkey(1)}", "quorum L"],
        [W, f"ledger L witness vkey={vkey(1)}", "quorum L"],
        [W, "ledger W evm a=1", "quorum W"],
        ["ledger L evm " + " ".join(f"p{n}=1" for n in range(17)), "quorum L"],
        ["witnesses W", "quorum none"],
        ["\ufeffquorum none"],
        ["quorum none\r"],
        ["quorum none\x00"],
        ["# \x1b[2J", "quorum none"],
        ["# \x7f", "quorum none"],
        ["\x0bquorum none"],
        [f"ledger L{n} evm a={n}" for n in range(65)] + ["quorum none"],
        ["# " + "a" * quorum.MAX_POLICY_BYTES, "quorum none"],
    ],
)  # fmt: skip
def test_malformed_policies_are_refused(lines: list[str]) -> None:
    with pytest.raises(QuorumPolicyError):
        policy_with(*lines)


def test_ledgers_that_a_pin_tells_apart_are_two() -> None:
    lines = ["ledger L evm chain_id=1 a=0xab", "ledger M evm chain_id=2 a=0xab", "ledger N stamp chain_id=1 a=0xab"]
    assert [ledger.name for ledger in policy_with(*lines, "quorum none").ledgers] == ["L", "M", "N"]


@pytest.mark.parametrize("text", ["quorum none", "", "\n", "\ud800\nquorum none\n", b"\xff\nquorum none\n"])
def test_files_without_a_last_newline_or_without_octets_are_refused(text: str | bytes) -> None:
    with pytest.raises(QuorumPolicyError):
        parse_policy(text)


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(QuorumPolicyError, match="line 3: "):
        policy_with(f"log {LOG_VKEY}", "", "nonsense", "quorum none")


@pytest.mark.requirement("C2SP tlog-policy, Implementation limits", "at least 32 logs, 32 witnesses and 32 groups")
@pytest.mark.parametrize("count", [32, quorum.MAX_DEFINITIONS])
def test_policies_as_large_as_the_bounds_are_read_and_evaluated(count: int) -> None:
    """Post-quantum keys throughout, and groups as deep as they come."""
    policy = policy_with(
        *(f"log {mldsa_vkey(f'log.example/{n}', 1 + n)}" for n in range(count)),
        *(f"witness W{n} {mldsa_vkey(f'witness.example/{n}', 1000 + n)}" for n in range(count)),
        *(f"ledger L{n} evm chain_id={n}" for n in range(count)),
        "group G0 any W0 L0",
        *(f"group G{n} all G{n - 1} W{n}" for n in range(1, count)),
        f"quorum G{count - 1}",
    )
    everyone = [f"W{n}" for n in range(count)]
    assert evaluate(policy, satisfied=everyone).outcome is Outcome.MET
    assert evaluate(policy, satisfied=everyone[1:], unknown=["L0"]).outcome is Outcome.UNDETERMINED
    assert evaluate(policy, satisfied=everyone[:-1], unknown=["L0"]).outcome is Outcome.NOT_MET


def test_a_log_may_be_named_by_both_of_its_keys() -> None:
    mldsa = MldsaCosigner(ORIGIN, b"\x02" * 32)
    policy = policy_with(f"log {LOG_VKEY}", f"log {mldsa.verifier_key.vkey}", "quorum none")
    head = Checkpoint(ORIGIN, 5, bytes(32))
    assert verify(f"{head.body()}\n{cosign(head, mldsa, NOW)}", policy.log_keys) == head
    assert verify(NOTE, policy.log_keys) == head
