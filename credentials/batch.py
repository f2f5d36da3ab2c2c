"""Up to a thousand presentations in one call: facts loaded once, judged one after the other, each answered at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from credentials.facts import AnchorFact, AnchorSource, AuthorizationFact, IssuerTrust, Sources
from credentials.judging import Answer, Judge, appoint
from credentials.sources import database_sources
from credentials.stored_policies import resolve_policy
from credentials.unverified import named_terms, signed_digest
from credentials.verify_request import BatchRequest, Item
from identity.models import Organisation


@dataclass(frozen=True, slots=True)
class Judged:
    """An item of a batch and its answer, or none where the item's own error says why."""

    index: int
    item: Item
    answer: Answer | None


def judge_batch(batch: BatchRequest, *, organisation: Organisation, now: datetime) -> Iterator[Judged]:
    """Return an iterator over the items in order, each judged when it is asked for, whatever became of the others.

    All that can fail for the batch as a whole fails here, before the first: raises as resolve_policy, KeyStateError,
    and CouldNotCheckError while the database is away.
    """
    ruling = resolve_policy(batch.policy, organisation=organisation)
    presentations = [item.question.presentation for item in batch.items if item.question]
    sources = load_sources(presentations)
    return _each(batch.items, appoint(ruling, sources=sources, now=now, is_signing=batch.is_signed))


def _each(items: Sequence[Item], judge: Judge) -> Iterator[Judged]:
    for index, item in enumerate(items):
        yield Judged(index, item, judge.answer(item.question) if item.question else None)


def load_sources(presentations: Sequence[str]) -> Sources:
    """Return sources that know already what these presentations will ask of log and consents: a few queries in all.

    A quorum is asked for one certificate at a time, as ever.
    """
    held = database_sources()
    held.refresh()
    pending = held.load_anchors({signed_digest(text) for text in presentations})
    named = {digest for text in presentations for digest in named_terms(text)}
    consents = held.find_authorizations(named) if named else {}
    return Sources(
        trust=held,
        statuses=held,
        anchors=_LoadedAnchors(held, pending),
        authorizations=_LoadedConsents(consents),
        quorums=held,
    )


@dataclass(frozen=True, slots=True)
class _LoadedAnchors:
    """What is published is held by *source*; what is not, here, so that nobody asks for it one by one."""

    source: AnchorSource
    pending: Mapping[bytes, AnchorFact]

    def find_anchor(self, *, digest: bytes, issuer: IssuerTrust) -> AnchorFact:
        return self.pending.get(digest) or self.source.find_anchor(digest=digest, issuer=issuer)


@dataclass(frozen=True, slots=True)
class _LoadedConsents:
    facts: Mapping[str, AuthorizationFact]

    def find_authorization(self, terms_digest: str) -> AuthorizationFact | None:
        return self.facts.get(terms_digest)
