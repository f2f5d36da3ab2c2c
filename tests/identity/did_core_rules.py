"""The normative statements of DID Core 1.0 about documents and answers, transcribed from the text, not from our code.

Each rule says what holds of a live answer, and how to break it: a rule that would not notice is no rule. Sections are
those of the Recommendation of 19 July 2022; "HTTP" is DID Resolution's HTTP(S) binding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

# §3.1 and §3.2, with RFC 3986's path-abempty, query and fragment.
_ID = r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})"
DID = re.compile(rf"did:[a-z0-9]+:(?:{_ID}*:)*{_ID}+")
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
DID_URL = re.compile(rf"{DID.pattern}(?:/{_PCHAR}*)*(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
# XML dateTime in UTC without fractions (§7.1.3).
MOMENT = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z")
KEYWORD = re.compile(r"[A-Za-z]+")
CONTEXT = "https://www.w3.org/ns/did/v1"
RELATIONSHIPS = {
    "authentication": "5.3.1",
    "assertionMethod": "5.3.2",
    "keyAgreement": "5.3.3",
    "capabilityInvocation": "5.3.4",
    "capabilityDelegation": "5.3.5",
}
# RFC 7518 §6.2.2, §6.3.2, §6.4: members of the private information class.
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
# What the two contexts of our documents define, and DID Core's JSON-LD keywords.
DEFINED = {
    CONTEXT: {
        "@context", "id", "type", "alsoKnownAs", "controller", "verificationMethod", "service", "serviceEndpoint",
        *RELATIONSHIPS,
    },
    "https://w3id.org/security/jwk/v1": {"publicKeyJwk", "JsonWebKey"},
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What came over HTTP for one DID or DID URL."""

    asked: str
    status: int
    content_type: str
    body: Document = field(hash=False)

    def changed(self, change: Callable[[Document], object]) -> Answer:
        """The same with another body."""
        body = json.loads(json.dumps(self.body))
        change(body)
        return Answer(self.asked, self.status, self.content_type, body)


@dataclass(frozen=True)
class Rule:
    section: str
    text: str
    holds: Callable[[Any], bool]
    # Changes that a sound document or result does not survive.
    breaks: tuple[Callable[[Document], object], ...] = ()

    @property
    def source(self) -> str:
        return f"DID Core 1.0 §{self.section}"


def is_set(value: object) -> bool:
    """An ordered list in which nothing occurs twice (§4)."""
    return isinstance(value, list) and len({json.dumps(item, sort_keys=True) for item in value}) == len(value)


def put(name: str, value: object) -> Callable[[Document], object]:
    return lambda document: document.__setitem__(name, value)


def in_method(name: str, value: object) -> Callable[[Document], object]:
    return lambda document: document["verificationMethod"][0].__setitem__(name, value)


def without(name: str) -> Callable[[Document], object]:
    return lambda document: document["verificationMethod"][0].pop(name)


def methods(document: Document) -> list[Any]:
    """Every verification method, those embedded in a relationship included."""
    embedded = [entry for name in RELATIONSHIPS for entry in document.get(name, []) if not isinstance(entry, str)]
    return [*document.get("verificationMethod", []), *embedded]


def one_or_set(value: object) -> list[Any]:
    return value if isinstance(value, list) and is_set(value) else [value]


def every_text(document: Document, name: str, pattern: re.Pattern[str]) -> bool:
    return all(isinstance(item, str) and pattern.fullmatch(item) for item in one_or_set(document[name]))


def every_method(document: Document, holds: Callable[[Mapping[str, Any]], object]) -> bool:
    return all(isinstance(method, dict) and holds(method) for method in methods(document))


def relationship_rule(name: str, section: str) -> Rule:
    def holds(document: Document) -> bool:
        if name not in document:
            return True
        entries, known = document[name], {method.get("id") for method in methods(document) if isinstance(method, dict)}
        return (
            is_set(entries)
            and bool(entries)
            and all(
                (DID_URL.fullmatch(entry) and entry in known) if isinstance(entry, str) else isinstance(entry, dict)
                for entry in entries
            )
        )

    did = "did:example:1"
    text = f"{name} is a set of one or more verification methods, embedded or referenced"
    return Rule(section, text, holds, (put(name, []), put(name, f"{did}#k"), put(name, ["#k"]), put(name, [7])))


def services_hold(document: Document) -> bool:
    services = document.get("service", [])
    return is_set(services) and all(
        isinstance(service, dict)
        and {"id", "type", "serviceEndpoint"} <= service.keys()
        and bool(URI.fullmatch(str(service["id"])))
        and all(isinstance(item, str) for item in one_or_set(service["type"]))
        and all(isinstance(item, dict) or URI.fullmatch(str(item)) for item in one_or_set(service["serviceEndpoint"]))
        for service in services
    )


SERVICE = {"id": "did:example:1#s", "type": "LinkedDomains", "serviceEndpoint": "https://a.example"}

# Of every document, in either representation.
DOCUMENT_RULES = [
    Rule("3.1", "the DID conforms to the DID syntax", lambda d: bool(DID.fullmatch(d["id"])),
         (put("id", "did:WEID:1"), put("id", "did:weid:"), put("id", "weid:1:0x"))),
    Rule("3.2", "DID URLs conform to the DID URL syntax",
         lambda d: every_method(d, lambda m: DID_URL.fullmatch(m["id"])), (in_method("id", "did:weid:1:0x#a#b"),)),
    Rule("3.2.2", "no relative DID URL is left to be resolved", lambda d: "#" not in {r[0] for r in references(d)},
         (put("authentication", ["#keys-1"]),)),
    Rule("4", "lists that are sets hold nothing twice",
         lambda d: all(is_set(value) for value in d.values() if isinstance(value, list)),
         (lambda d: d["authentication"].append(d["authentication"][0]),)),
    Rule("5.1.1", "id is a string in the root map", lambda d: isinstance(d.get("id"), str),
         (lambda d: d.pop("id"), put("id", 1))),
    Rule("5.1.2", "controller is a DID or a set of DIDs",
         lambda d: "controller" not in d or every_text(d, "controller", DID),
         (put("controller", "Lei"), put("controller", ["did:example:1", 7]))),
    Rule("5.1.3", "alsoKnownAs is a set of URIs",
         lambda d: "alsoKnownAs" not in d or (is_set(d["alsoKnownAs"]) and every_text(d, "alsoKnownAs", URI)),
         (put("alsoKnownAs", "https://a.example"), put("alsoKnownAs", ["no uri"]))),
    Rule("5.2", "verificationMethod is a set of maps with id, type, controller and key material",
         lambda d: is_set(d.get("verificationMethod", []))
         and every_method(d, lambda m: {"id", "type", "controller"} <= m.keys()),
         (put("verificationMethod", {}), put("verificationMethod", ["did:example:1#k"]), without("type"))),
    Rule("5.2", "the type of a method is one string", lambda d: every_method(d, lambda m: isinstance(m["type"], str)),
         (in_method("type", ["JsonWebKey"]),)),
    Rule("5.2", "the controller of a method is a DID", lambda d: every_method(d, lambda m: DID.fullmatch(m["controller"])),
         (in_method("controller", "did:example:1#k"),)),
    Rule("5.2", "no two methods have one id",
         lambda d: len({method["id"] for method in methods(d)}) == len(methods(d)),
         (lambda d: d["verificationMethod"].append({**d["verificationMethod"][0], "type": "other"}),)),
    Rule("5.2.1", "publicKeyJwk is a public JSON Web Key",
         lambda d: every_method(d, lambda m: "publicKeyJwk" not in m or (
             isinstance(m["publicKeyJwk"], dict) and "kty" in m["publicKeyJwk"] and not PRIVATE & m["publicKeyJwk"].keys())),
         (in_method("publicKeyJwk", "key"), in_method("publicKeyJwk", {"crv": "P-256"}),
          lambda d: d["verificationMethod"][0]["publicKeyJwk"].__setitem__("d", "AA"))),
    Rule("5.2.1", "one key is not expressed in two ways",
         lambda d: every_method(d, lambda m: not {"publicKeyJwk", "publicKeyMultibase"} <= m.keys()),
         (in_method("publicKeyMultibase", "z6Mk"),)),
    *(relationship_rule(name, section) for name, section in RELATIONSHIPS.items()),
    Rule("5.4", "service is a set of maps with id, type and serviceEndpoint", services_hold,
         (put("service", SERVICE), put("service", [{"id": "did:example:1#s"}]), put("service", [{**SERVICE, "id": "s"}]),
          put("service", [{**SERVICE, "type": 7}]), put("service", [{**SERVICE, "serviceEndpoint": "nowhere"}]))),
    Rule("5.4", "no two services have one id",
         lambda d: len({s["id"] for s in d.get("service", [])}) == len(d.get("service", [])),
         (put("service", [SERVICE, {**SERVICE, "type": "Other"}]),)),
]  # fmt: skip


def references(document: Document) -> set[str]:
    """Every DID URL of the document, as text."""
    listed = {entry for name in RELATIONSHIPS for entry in document.get(name, []) if isinstance(entry, str)}
    return listed | {str(method.get("id")) for method in methods(document)}


def terms(value: object) -> Iterable[str]:
    """Every name of a member, but for those inside a JWK, which is JSON of its own."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name
        yield from () if name == "publicKeyJwk" else terms(inner)
    for inner in value if isinstance(value, list) else ():
        yield from terms(inner)


def are_defined(document: Document) -> bool:
    known = set().union(*(DEFINED.get(context, set()) for context in document["@context"]))
    return set(terms(document)) <= known and {method["type"] for method in methods(document)} <= known


def begins_with_context(document: Document) -> bool:
    context = document.get("@context")
    return context == CONTEXT or (isinstance(context, list) and context[:1] == [CONTEXT])


JSON_LD_RULES = [
    Rule("6.3.1", "@context is DID Core's, or a list that begins with it", begins_with_context,
         (lambda d: d.pop("@context"), put("@context", "https://a.example"), lambda d: d["@context"].reverse())),
    Rule("6.3.1", "every term is defined by the context", are_defined, (put("name", "Lei"), in_method("note", "x"))),
]  # fmt: skip
JSON_RULES = [
    Rule("6.2.1", "all entries are in the root JSON object", lambda d: isinstance(d, dict) and "id" in d, (lambda d: d.clear(),)),
    Rule("6.2.1", "what belongs to JSON-LD alone is left out", lambda d: "@context" not in d, (put("@context", CONTEXT),)),
]  # fmt: skip


def metadata(name: str, value: object) -> Callable[[Document], object]:
    return lambda result: result["didDocumentMetadata"].__setitem__(name, value)


def moments_hold(result: Document) -> bool:
    named = result["didDocumentMetadata"]
    return all(MOMENT.fullmatch(named[name]) for name in ("created", "updated", "nextUpdate") if name in named)


def is_structure(value: object) -> bool:
    """§7.3: a map whose names are strings and whose values are strings, maps, lists, booleans or null."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and (is_structure(inner) or inner is None) for name, inner in value.items())
    return isinstance(value, str | bool) or (isinstance(value, list) and all(is_structure(item) for item in value))


# Of every resolution result, whatever became of it.
RESULT_RULES = [
    Rule("7.1", "a result has the three parts", lambda r: {"didDocument", "didResolutionMetadata", "didDocumentMetadata"}
         <= r.keys(), (lambda r: r.pop("didDocument"),)),
    Rule("7.1", "with an error there is no document and no document metadata",
         lambda r: "error" not in r["didResolutionMetadata"] or (r["didDocument"], r["didDocumentMetadata"]) == (None, {}),
         (lambda r: r.update(didResolutionMetadata={"error": "notFound"}, didDocument={"id": "did:example:1"}),)),
    Rule("7.1.2", "the error is a single ASCII keyword",
         lambda r: bool(KEYWORD.fullmatch(r["didResolutionMetadata"].get("error", "none"))),
         (lambda r: r["didResolutionMetadata"].update(error="not found"),)),
    Rule("7.1.2", "contentType is there exactly with a document",
         lambda r: (r["didDocument"] is not None) == ("contentType" in r["didResolutionMetadata"]),
         (lambda r: r["didResolutionMetadata"].update(contentType="x") or r.update(didDocument=None),)),
    Rule("7.1.3", "times are XML dateTimes in UTC without fractions", moments_hold,
         (metadata("created", "2026-11-24T11:00:00+08:00"), metadata("updated", "2026-11-24T03:00:00.5Z"))),
    Rule("7.1.3", "deactivated is a boolean", lambda r: isinstance(r["didDocumentMetadata"].get("deactivated", True), bool),
         (metadata("deactivated", "true"),)),
    Rule("7.1.3", "versionId and nextVersionId are ASCII strings",
         lambda r: all(isinstance(r["didDocumentMetadata"].get(name, ""), str) and r["didDocumentMetadata"].get(name, "").isascii()
                       for name in ("versionId", "nextVersionId")),
         (metadata("versionId", 1), metadata("nextVersionId", "二"))),
    Rule("7.3", "metadata are maps of strings, maps, lists, booleans or null",
         lambda r: all(isinstance(r[part], dict) and is_structure(r[part]) for part in ("didResolutionMetadata", "didDocumentMetadata")),
         (metadata("versionId", 1.5), lambda r: r.update(didDocumentMetadata=[]))),
]  # fmt: skip
