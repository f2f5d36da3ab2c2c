"""What the ``@context`` of a verifiable credential defines (VCDM 2.0 §4.3, §5.2), read without fetching anything.

This is no JSON-LD processor: of contexts it keeps which terms are defined and which are protected, enough to refuse a
type that nothing defines and a term that is given a second meaning. A context that is only named, and not known here,
may define anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from protocol.errors import VcdmContextError

BASE_CONTEXT = "https://www.w3.org/ns/credentials/v2"
EXAMPLES_CONTEXT = "https://www.w3.org/ns/credentials/examples/v2"
MAX_CONTEXTS = 32
MAX_URL_CHARACTERS = 2048
# Defined and protected by the base context outside every type (VCDM 2.0 §B.1).
BASE_TERMS = frozenset(
    {
        "id", "type", "name", "description", "digestMultibase", "digestSRI", "mediaType", "VerifiableCredential",
        "EnvelopedVerifiableCredential", "VerifiablePresentation", "EnvelopedVerifiablePresentation",
        "JsonSchemaCredential", "JsonSchema", "BitstringStatusListCredential", "BitstringStatusList",
        "BitstringStatusListEntry", "DataIntegrityProof", "...", "_sd", "_sd_alg", "aud", "cnf", "exp", "iat", "iss",
        "jku", "kid", "nbf", "sub", "x5u",
    }
)  # fmt: skip

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20\x7f<>\"\\^`{|}]+\Z")
_KEYWORDS = frozenset({"@base", "@direction", "@language", "@propagate", "@protected", "@version", "@vocab"})
_ALIASES = frozenset({"@id", "@type", "@json", "@set", "@list", "@graph", "@value", "@language", "@direction"})


class Vocabulary(NamedTuple):
    """The terms in force: each with what it stands for, None where that is the base context's affair.

    ``is_open`` says that any term may be defined: by ``@vocab``, or by a context that is not known here.
    """

    terms: Mapping[str, str | None]
    protected: frozenset[str]
    is_open: bool

    def defines(self, term: str) -> bool:
        """Whether *term* is a URL, or is defined by one of the contexts."""
        return is_url(term) or self.is_open or term in self.terms


def is_url(value: Any) -> bool:
    """Whether *value* is text with a scheme and without blanks: the least that every URL of the data model is."""
    return isinstance(value, str) and len(value) <= MAX_URL_CHARACTERS and _URL.match(value) is not None


def read_context(value: Any) -> Vocabulary:
    """Return what *value*, an ordered set whose first item is the base context, defines. Raises VcdmContextError."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CONTEXTS or value[0] != BASE_CONTEXT:
        raise VcdmContextError("not a list that starts with the base context")
    found = Vocabulary(dict.fromkeys(BASE_TERMS), BASE_TERMS, is_open=False)
    for item in value[1:]:
        found = _add(found, item)
    return found


def _add(found: Vocabulary, item: Any) -> Vocabulary:
    if isinstance(item, dict):
        return _add_definitions(found, item)
    if not is_url(item):
        raise VcdmContextError("an item is neither a URL nor an object")
    return found if item == BASE_CONTEXT else found._replace(is_open=True)


def _add_definitions(found: Vocabulary, context: Mapping[str, Any]) -> Vocabulary:
    is_open = found.is_open
    if "@vocab" in context:
        is_open = _vocabulary(context["@vocab"])
    terms = {**found.terms}
    for term, definition in context.items():
        if term.startswith("@"):
            _check_keyword(term)
            continue
        meaning = _meaning(term, definition)
        if term in found.protected and (found.terms[term] is None or found.terms[term] != meaning):
            raise VcdmContextError("a protected term is defined again")
        _check_meaning(meaning, terms, is_open=is_open)
        terms[term] = meaning
    added = frozenset(terms) if context.get("@protected") is True else frozenset()
    return Vocabulary(terms, found.protected | added, is_open)


def _vocabulary(value: Any) -> bool:
    # Null takes away what an earlier context had opened.
    if value is not None and value != "" and not is_url(value):
        raise VcdmContextError("@vocab is not a URL")
    return value is not None


def _check_keyword(term: str) -> None:
    # @import would have to be fetched, and whatever else starts so is reserved (JSON-LD 1.1 §1.7).
    if term not in _KEYWORDS:
        raise VcdmContextError("a keyword that is not supported")


def _meaning(term: str, definition: Any) -> str | None:
    meaning = definition.get("@id", term) if isinstance(definition, dict) else definition
    if meaning is not None and not isinstance(meaning, str):
        raise VcdmContextError("a term is defined by neither text nor an object")
    return meaning


def _check_meaning(meaning: str | None, terms: Mapping[str, str | None], *, is_open: bool) -> None:
    if meaning is None or is_url(meaning) or meaning in _ALIASES or meaning in terms:
        return
    if not is_open or ":" in meaning or " " in meaning:
        raise VcdmContextError("a term that stands for no URL")
