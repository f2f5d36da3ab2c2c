"""SD-JWT (RFC 9901) whole: the issuer hides claims, the holder chooses what to show, the verifier reveals.

The verifying side lives in protocol.disclosure and protocol.key_binding and is offered here too. Salts are 128 random bits and digests are sorted, so that neither the values nor the order of claims can be guessed.
"""

from __future__ import annotations

import secrets
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from protocol.disclosure import (
    DEFAULT_HASH,
    DIGESTS_NAME,
    HASH_NAME,
    HASHES,
    MAX_CLAIM_DEPTH,
    PLACEHOLDER_NAME,
    RESERVED_NAMES,
    Claims,
    Disclosure,
    Hasher,
    Path,
    SdJwt,
    disclosed_paths,
    hash_of,
    join,
    parse_disclosure,
    reveal,
    reveal_with_paths,
    sd_hash,
    split,
    without_key_binding,
)
from protocol.encoding import (
    BASE64_TO_URL,
    JSON_SCALARS,
    b64u_encode,
    check_scalar,
    json_dumps,
    json_dumps_checked,
    json_object,
)
from protocol.errors import ClaimPathError, HashAlgorithmError, ReservedNameError, SdJwtLimitError
from protocol.jose import TokenTypes, parse_compact, sign_compact
from protocol.key_binding import create_key_binding, holder_key, verify_key_binding
from protocol.keys import Signer

__all__ = [
    "Claims",
    "Decoys",
    "Disclosure",
    "Path",
    "SdJwt",
    "create_key_binding",
    "disclosable_paths",
    "disclosed_paths",
    "hash_of",
    "hold",
    "holder_key",
    "issue",
    "join",
    "make_disclosure",
    "pad_to",
    "parse_disclosure",
    "reveal",
    "reveal_with_paths",
    "sd_hash",
    "select",
    "split",
    "verify_key_binding",
    "withheld_paths",
    "without_key_binding",
]

# 144 bits: more than the 128 that RFC 9901 §9.3 asks for, and a whole number of base64url characters.
SALT_BYTES = 18
SALT_CHARACTERS = 24
_SALTS_PER_DRAW = 8
_ARRAYS = (list, tuple)

Decoys = int | Callable[[int], int]


def pad_to(bucket: int) -> Callable[[int], int]:
    """Return a *decoys* rule that fills every array of digests up to a multiple of *bucket* (RFC 9901 §10.4)."""
    return lambda count: -count % bucket


def issue(
    claims: Mapping[str, Any],
    *,
    disclosable: Sequence[Path],
    signer: Signer,
    header: Mapping[str, Any],
    decoys: Decoys = 0,
    hash_name: str = DEFAULT_HASH,
) -> SdJwt:
    """Sign *claims* with those at the *disclosable* paths replaced by digests (RFC 9901 §4.2, §6.1).

    A parent and a child both listed make a recursive disclosure. *decoys* is a number added to each array of digests,
    or a function from the count of real digests to that number; those of an array follow its last element. Raises
    ClaimPathError for a path that leads nowhere, ReservedNameError, HashAlgorithmError, SdJwtLimitError and JsonError.
    """
    if hash_name not in HASHES:
        raise HashAlgorithmError(f"one of {', '.join(HASHES)} expected")
    tree = _tree_of(tuple(disclosable))
    _check_paths(tree, claims)
    draw_size = max(len(disclosable), _SALTS_PER_DRAW) + (_SALTS_PER_DRAW if decoys else 0)
    packing = _Packing(hash_name, decoys, draw_size=draw_size)
    payload = packing.object(claims, tree, 0)
    if packing.disclosures:
        payload[HASH_NAME] = hash_name
    issuer_jwt = sign_compact(json_dumps_checked(payload), signer=signer, header=header)
    return SdJwt(issuer_jwt, payload, tuple(packing.disclosures))


def make_disclosure(name: str | None, value: Any, *, hash_name: str = DEFAULT_HASH) -> Disclosure:
    """Return a disclosure with a fresh salt (RFC 9901 §4.2.1, §4.2.2).

    *name* is None for an array element. Raises JsonError for a value that JSON cannot hold.
    """
    json_dumps(value)
    return _disclose(b64u_encode(secrets.token_bytes(SALT_BYTES)), name, value, HASHES[hash_name])


def _disclose(salt: str, name: str | None, value: Any, hasher: Hasher) -> Disclosure:
    # Written out, encodings and constructor too: this runs once per claim of every credential issued.
    parts = json_dumps_checked((salt, value) if name is None else (salt, name, value))
    encoded = b2a_base64(parts, newline=False).rstrip(b"=").translate(BASE64_TO_URL)
    digest = b2a_base64(hasher(encoded).digest(), newline=False).rstrip(b"=").translate(BASE64_TO_URL)
    return tuple.__new__(Disclosure, (salt, name, value, encoded.decode(), digest.decode()))


def hold(sd_jwt: str, *, allowed_types: TokenTypes) -> SdJwt:
    """Return an issued SD-JWT as its holder keeps it. The holder must have verified it. Raises as split and reveal."""
    issuer_jwt, disclosures, _ = split(sd_jwt)
    payload = json_object(parse_compact(issuer_jwt, allowed_types=allowed_types).payload)
    _, found = reveal_with_paths(payload, disclosures)
    by_text = {disclosure.encoded: disclosure for _, disclosure in found}
    # In the order of issue, so that every holder who selects the same claims comes to the same hash.
    return SdJwt(issuer_jwt, payload, tuple(by_text[encoded] for encoded in disclosures))


def disclosable_paths(held: SdJwt) -> tuple[Path, ...]:
    """Return every path of *held* that the holder may show or withhold, parents before children."""
    return tuple(path for path, _ in _found(held))


def withheld_paths(held: SdJwt, paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return what stays hidden when *paths* are shown. Raises ClaimPathError as select."""
    chosen = {disclosure.digest for _, disclosure in _chosen(held, paths)}
    return tuple(path for path, disclosure in _found(held) if disclosure.digest not in chosen)


def select(held: SdJwt, paths: Iterable[Path]) -> str:
    """Return a presentation, without key binding, that shows the claims at *paths* (RFC 9901 §7.2).

    A path shows its claim with everything beneath it, and the parents it needs, without their other children. Raises
    ClaimPathError for a path that leads to no claim.
    """
    chosen = {disclosure.digest for _, disclosure in _chosen(held, paths)}
    return join(held.issuer_jwt, [item.encoded for item in held.disclosures if item.digest in chosen])


def _found(held: SdJwt) -> tuple[tuple[Path, Disclosure], ...]:
    return reveal_with_paths(held.payload, [disclosure.encoded for disclosure in held.disclosures])[1]


def _chosen(held: SdJwt, paths: Iterable[Path]) -> list[tuple[Path, Disclosure]]:
    claims, found = reveal_with_paths(held.payload, [disclosure.encoded for disclosure in held.disclosures])
    wanted = list(paths)
    for path in wanted:
        if not _is_shown_by(path, claims, found):
            raise ClaimPathError(f"{len(path)} steps lead to no claim")
    return [(path, item) for path, item in found if any(_is_needed(path, pattern) for pattern in wanted)]


def _is_shown_by(path: Path, claims: Claims, found: Sequence[tuple[Path, Disclosure]]) -> bool:
    # Decoys shift the positions of an array as signed, so disclosed elements are looked up by their path first.
    return _leads_somewhere(path, claims) or (
        bool(path) and any(len(at) >= len(path) and _is_needed(at, path) for at, _ in found)
    )


def _leads_somewhere(path: Path, claims: Mapping[str, Any]) -> bool:
    nodes: list[Any] = [claims]
    for step in path:
        arrays = [node for node in nodes if isinstance(node, _ARRAYS)]
        # An empty array has nothing to hide, which is not a mistake in the path.
        if step is None and arrays and not any(arrays):
            return True
        nodes = [child for node in nodes for child in _children(node, step)]
    return bool(path) and bool(nodes)


def _children(node: Any, step: str | int | None) -> Sequence[Any]:
    if isinstance(node, (dict, Mapping)):
        return [node[step]] if isinstance(step, str) and step in node else []
    if not isinstance(node, _ARRAYS) or isinstance(step, str):
        return []
    if step is None:
        return node
    return [node[step]] if 0 <= step < len(node) else []


def _is_needed(path: Path, pattern: Path) -> bool:
    """A disclosure is needed when its path leads to the pattern, or lies beneath it."""
    return all(
        step == wanted or (wanted is None and isinstance(step, int))
        for step, wanted in zip(path, pattern, strict=False)
    )


class _Node:
    """What is hidden beneath one claim. The root also keeps the paths it was made of, those of one name apart."""

    __slots__ = ("children", "is_hidden", "long_paths", "top_names")

    def __init__(self) -> None:
        self.children: dict[str | int | None, _Node] = {}
        self.is_hidden = False
        self.long_paths: tuple[Path, ...] = ()
        self.top_names: frozenset[str] = frozenset()


_NOTHING_HIDDEN = _Node()


# Keyed by the paths: one type of credential hides the same claims in all its certificates.
@lru_cache(maxsize=256)
def _tree_of(paths: tuple[Path, ...]) -> _Node:
    root = _Node()
    for path in paths:
        node = root
        for step in path:
            node = node.children.setdefault(step, _Node())
        node.is_hidden = True
    root.top_names = frozenset(path[0] for path in paths if len(path) == 1 and isinstance(path[0], str))
    root.long_paths = tuple(path for path in paths if len(path) != 1 or path[0] not in root.top_names)
    return root


def _check_paths(tree: _Node, claims: Mapping[str, Any]) -> None:
    if not tree.top_names <= claims.keys():
        raise ClaimPathError("one step leads to no claim")
    for path in tree.long_paths:
        if not _leads_somewhere(path, claims):
            raise ClaimPathError(f"{len(path)} steps lead to no claim")


class _Packing:
    """One pass over the claims, replacing each hidden one by its digest, children before parents."""

    __slots__ = ("decoys", "disclosures", "draw_size", "hasher", "salts")

    def __init__(self, hash_name: str, decoys: Decoys, *, draw_size: int) -> None:
        self.draw_size = draw_size
        self.hasher = HASHES[hash_name]
        self.decoys = decoys
        self.disclosures: list[Disclosure] = []
        self.salts: list[str] = []

    def object(self, claims: Mapping[Any, Any], node: _Node, depth: int) -> Claims:
        if not RESERVED_NAMES.isdisjoint(claims):
            raise ReservedNameError("a claim may not have this name")
        children = node.children
        if not children:
            return {
                name: value if type(value) in JSON_SCALARS else self._value(value, _NOTHING_HIDDEN, depth)
                for name, value in claims.items()
            }
        packed: Claims = {}
        digests: list[str] = []
        for name, value in claims.items():
            child = children.get(name)
            # A name that is not text has no child here, and the JSON writer refuses it.
            inner = value if type(value) in JSON_SCALARS else self._value(value, child or _NOTHING_HIDDEN, depth)
            if child is not None and child.is_hidden:
                disclosure = _disclose((self.salts or self._draw()).pop(), name, inner, self.hasher)
                self.disclosures.append(disclosure)
                digests.append(disclosure.digest)
            else:
                packed[name] = inner
        if digests:
            packed[DIGESTS_NAME] = sorted(digests + self._decoys(len(digests)) if self.decoys else digests)
        return packed

    def _value(self, value: Any, node: _Node, depth: int) -> Any:
        if depth > MAX_CLAIM_DEPTH:
            raise SdJwtLimitError(f"claims nested deeper than {MAX_CLAIM_DEPTH}")
        if isinstance(value, dict):
            return self.object(value, node, depth + 1)
        if isinstance(value, _ARRAYS):
            return self._array(value, node, depth + 1)
        check_scalar(value)
        return value

    def _array(self, items: Sequence[Any], node: _Node, depth: int) -> list[Any]:
        packed: list[Any] = []
        hidden = 0
        for position, item in enumerate(items):
            child = _merge(node.children.get(None), node.children.get(position))
            inner = self._value(item, child, depth)
            if child.is_hidden:
                disclosure = _disclose((self.salts or self._draw()).pop(), None, inner, self.hasher)
                self.disclosures.append(disclosure)
                inner = {PLACEHOLDER_NAME: disclosure.digest}
                hidden += 1
            packed.append(inner)
        decoys = self._decoys(hidden) if hidden else []
        return packed + [{PLACEHOLDER_NAME: digest} for digest in decoys]

    def _draw(self) -> list[str]:
        # One draw and one encoding serve many salts: no bits are shared between them.
        text = b64u_encode(secrets.token_bytes(SALT_BYTES * self.draw_size))
        self.salts = [text[at : at + SALT_CHARACTERS] for at in range(0, len(text), SALT_CHARACTERS)]
        return self.salts

    def _decoys(self, count: int) -> list[str]:
        wanted = self.decoys(count) if callable(self.decoys) else self.decoys
        # The digest of a salt that nothing else uses is as random as that of a disclosure (RFC 9901 §4.2.5).
        salts = [(self.salts or self._draw()).pop() for _ in range(wanted)]
        return [b64u_encode(self.hasher(salt.encode()).digest()) for salt in salts]


def _merge(every: _Node | None, one: _Node | None) -> _Node:
    if every is None or one is None:
        return every or one or _NOTHING_HIDDEN
    merged = _Node()
    merged.is_hidden = every.is_hidden or one.is_hidden
    for step in {*every.children, *one.children}:
        merged.children[step] = _merge(every.children.get(step), one.children.get(step))
    return merged
