"""From the root to the issuers: nobody passes on what they do not hold, and the word nearest to the root counts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from protocol.trust_chain import MAX_DEPTH, MAX_LISTS, Anchor, Resolution, narrow, resolve, stored_lists
from protocol.trust_list import Publisher, TrustList
from protocol.trust_party import Kind
from tests.protocol.trust_makers import (
    BIRTH,
    DAY,
    DIPLOMA,
    EVERY_TYPE,
    NOW,
    RESIDENCE,
    ROOT,
    Desk,
    body,
    follow,
    issuer,
    jwk,
    signer,
    verifier,
)

SCHOOLS = Desk("schools", signer(2), [issuer("lyceum", DIPLOMA)])
GOVERNMENT = Desk("root", signer(1), [issuer("bureau", BIRTH, RESIDENCE), body(SCHOOLS, DIPLOMA)])
BUREAU, LYCEUM = f"{ROOT}/issuers/bureau", f"{ROOT}/issuers/lyceum"


def refused(found: Resolution) -> list[tuple[str, str]]:
    return [(refusal.identifier, refusal.error.code) for refusal in found.refusals]


def chain(**changes: Any) -> Resolution:
    """The two lists, with *changes* to the body's entry in the root's."""
    root = replace(
        GOVERNMENT, entries=[GOVERNMENT.entries[0], body(SCHOOLS, *changes.pop("types", [DIPLOMA]), **changes)]
    )
    return follow(root, root.sign(), SCHOOLS.sign())


def test_issuers_are_found_at_every_level_with_the_lists_that_vouch_for_them() -> None:
    found = chain()
    assert found.issuers.keys() == {BUREAU, LYCEUM}
    assert (found.refusals, found.missing) == ([], [])
    lyceum = found.issuers[LYCEUM]
    assert lyceum.types == {DIPLOMA}
    assert lyceum.standing.lists == (GOVERNMENT.uri, SCHOOLS.uri)
    assert found.issuers[BUREAU].standing.lists == (GOVERNMENT.uri,)


@pytest.mark.parametrize(
    ("held", "asked", "left"),
    [
        ({BIRTH, DIPLOMA}, {BIRTH}, {BIRTH}),
        ({BIRTH}, {BIRTH, DIPLOMA}, {BIRTH}),
        ({BIRTH}, {"*"}, {BIRTH}),
        ({"*"}, {BIRTH}, {BIRTH}),
        ({"*"}, {"*"}, {"*"}),
        ({BIRTH}, {DIPLOMA}, set()),
    ],
)
def test_types_are_cut_to_what_the_grantor_holds(held: set[str], asked: set[str], left: set[str]) -> None:
    assert narrow(frozenset(held), frozenset(asked)) == left


def test_a_body_grants_no_type_that_it_does_not_hold() -> None:
    greedy = replace(SCHOOLS, entries=[issuer("lyceum", DIPLOMA, BIRTH), issuer("mill", BIRTH)])
    found = follow(GOVERNMENT, GOVERNMENT.sign(), greedy.sign())
    assert found.issuers[LYCEUM].types == {DIPLOMA}
    assert f"{ROOT}/issuers/mill" not in found.issuers
    assert refused(found) == [(LYCEUM, "trust_grant_exceeded"), (f"{ROOT}/issuers/mill", "trust_grant_exceeded")]


def test_a_pinned_root_counts_only_for_the_types_it_was_pinned_for() -> None:
    found = follow(GOVERNMENT, GOVERNMENT.sign(), SCHOOLS.sign(), types=frozenset({RESIDENCE}))
    assert {name: one.types for name, one in found.issuers.items()} == {BUREAU: {RESIDENCE}}
    assert refused(found) == [(BUREAU, "trust_grant_exceeded"), (SCHOOLS.identifier, "trust_grant_exceeded")]


def test_a_body_accredits_no_kind_that_it_may_not() -> None:
    found = chain(accredits=frozenset({Kind.VERIFIER}))
    assert found.issuers.keys() == {BUREAU}
    assert refused(found) == [(LYCEUM, "trust_grant_exceeded")]


def test_nothing_outlives_its_grantor() -> None:
    found = chain(valid_from=NOW + 5, valid_until=NOW + 10)
    standing = found.issuers[LYCEUM].standing
    assert (standing.valid_from, standing.valid_until) == (NOW + 5, NOW + 10)


def test_what_is_known_is_as_fresh_as_the_oldest_list_of_the_chain() -> None:
    found = follow(GOVERNMENT, GOVERNMENT.sign(expires_at=NOW + 2 * DAY), SCHOOLS.sign(expires_at=NOW + 3 * DAY))
    assert found.issuers[LYCEUM].standing.fresh_until == NOW + 2 * DAY
    later = follow(GOVERNMENT, GOVERNMENT.sign(), SCHOOLS.sign(expires_at=NOW + 3 * DAY))
    assert later.issuers[LYCEUM].standing.fresh_until == NOW + 3 * DAY
    assert later.issuers[BUREAU].standing.fresh_until == NOW + 7 * DAY


def test_withdrawing_a_body_ends_all_below() -> None:
    found = chain(is_granted=False)
    assert found.issuers.keys() == {BUREAU}
    assert found.lists.keys() == {GOVERNMENT.uri}


def test_a_withdrawn_issuer_is_known_as_withdrawn_and_no_body_below_brings_it_back() -> None:
    withdrawn = issuer("lyceum", DIPLOMA, is_granted=False, status_since=NOW - 30)
    root = replace(GOVERNMENT, entries=[withdrawn, body(SCHOOLS, DIPLOMA)])
    found = follow(root, root.sign(), SCHOOLS.sign())
    assert found.issuers[LYCEUM].standing.withdrawn_at == NOW - 30
    assert refused(found) == [(LYCEUM, "trust_identifier_taken")]


def test_no_body_speaks_over_one_nearer_to_the_root() -> None:
    squatter = replace(SCHOOLS, entries=[issuer("bureau", DIPLOMA, key=signer(666))])
    found = follow(GOVERNMENT, GOVERNMENT.sign(), squatter.sign())
    assert found.issuers[BUREAU].party == GOVERNMENT.entries[0]
    assert refused(found) == [(BUREAU, "trust_identifier_taken")]


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (lambda: SCHOOLS.sign(by=signer(666)), "signature_invalid"),
        (lambda: replace(SCHOOLS, name="root").sign(), "trust_list_issuer_mismatch"),
    ],
)
def test_an_unsound_list_of_a_body_costs_that_body_alone(token: Any, code: str) -> None:
    lists = {GOVERNMENT.uri: GOVERNMENT.sign(), SCHOOLS.uri: token()}
    found = resolve(Anchor(GOVERNMENT.publisher, EVERY_TYPE), obtain=stored_lists(lists))
    assert found.issuers.keys() == {BUREAU}
    assert refused(found) == [(SCHOOLS.identifier, code)]


def test_a_list_that_cannot_be_had_is_missing_not_refused() -> None:
    found = follow(GOVERNMENT, GOVERNMENT.sign())
    assert [publisher.list_uri for publisher in found.missing] == [SCHOOLS.uri]
    assert found.refusals == []


def test_bodies_that_accredit_each_other_are_read_once() -> None:
    north, south = Desk("north", signer(3)), Desk("south", signer(4))
    north.entries, south.entries = [body(south, DIPLOMA)], [body(north, DIPLOMA), issuer("lyceum", DIPLOMA)]
    root = Desk("root", signer(1), [body(north, DIPLOMA)])
    found = follow(root, root.sign(), north.sign(), south.sign())
    assert found.issuers.keys() == {LYCEUM}
    assert refused(found) == [(north.identifier, "trust_chain_cycle")]


def test_a_chain_is_only_so_deep() -> None:
    desks = [Desk("root" if number == 0 else f"level-{number}", signer(number + 1)) for number in range(MAX_DEPTH + 1)]
    for above, below in pairwise(desks):
        above.entries = [body(below, DIPLOMA)]
    desks[MAX_DEPTH - 1].entries.append(issuer("last", DIPLOMA))
    desks[MAX_DEPTH].entries = [issuer("beyond", DIPLOMA)]
    found = follow(desks[0], *(desk.sign() for desk in desks))
    assert found.issuers.keys() == {f"{ROOT}/issuers/last"}
    assert refused(found) == [(desks[MAX_DEPTH].identifier, "trust_chain_too_long")]


def test_a_chain_is_only_so_wide() -> None:
    """A root that names a thousand bodies costs no more than the lists that are followed."""
    asked: list[str] = []

    def obtain(publisher: Publisher) -> TrustList:
        asked.append(publisher.list_uri)
        return root.content() if publisher == root.publisher else replace(SCHOOLS.content(), uri=publisher.list_uri)

    desks = [Desk(f"body-{number}", signer(2)) for number in range(1000)]
    root = Desk("root", signer(1), [body(desk, DIPLOMA) for desk in desks])
    found = resolve(Anchor(root.publisher, EVERY_TYPE), obtain=obtain)
    assert len(asked) == len(found.lists) == MAX_LISTS
    assert {code for _, code in refused(found)} == {"trust_chain_too_long", "trust_identifier_taken"}


def test_verifiers_are_found_with_what_they_may_ask() -> None:
    registrar = Desk("registrar", signer(5), [verifier("bank", BIRTH, DIPLOMA)])
    root = Desk("root", signer(1), [body(registrar, BIRTH, accredits=frozenset({Kind.VERIFIER}))])
    found = follow(root, root.sign(), registrar.sign())
    bank = found.verifiers[f"{ROOT}/organisations/bank"]
    assert [item.vct for item in bank.registrations] == [BIRTH]
    assert refused(found) == [(f"{ROOT}/organisations/bank", "trust_grant_exceeded")]


def test_keys_of_a_body_come_from_its_grantor_alone() -> None:
    renewed = signer(9)
    assert chain(keys=(jwk(renewed),)).issuers.keys() == {BUREAU}
    root = replace(GOVERNMENT, entries=[body(SCHOOLS, DIPLOMA, keys=(jwk(SCHOOLS.key), jwk(renewed)))])
    assert follow(root, root.sign(), SCHOOLS.sign(by=renewed)).issuers.keys() == {LYCEUM}
