"""The command that the W3C's suite for VC-JOSE-COSE drives: ``python -m credentials.vc_jose_cli issue|verify …``.

    --input FILE --key FILE --feature credential_jose --output FILE [--sd '["credentialSubject.name"]'] [--at SECONDS]

The key is a verification method with ``publicKeyJwk`` and ``secretKeyJwk``; the answer is a JSON object with ``result``
(``success``, ``failure``, or ``indeterminate`` for what is not supported) and ``data``. Without Django, database and
network. Credentials in a presentation are judged by their form: there is one key, and they are of other issuers.

The W3C tells verification, of the securing, from validation, of the dates (VC-JOSE-COSE §5.4). The suite asks for the
first, with tokens of 2024; the second is done as of ``--at``, in seconds since 1970, when that is given.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from protocol import vc_jose
from protocol.encoding import json_object
from protocol.errors import CodedError, IssuerMismatchError, JsonError, TokenTypeError
from protocol.jws_algorithms import JwkSigner, algorithm_of, public_key
from protocol.vcdm import party_of

EXIT_USAGE = 3
_KINDS = {"credential": vc_jose.CREDENTIAL, "presentation": vc_jose.PRESENTATION}
_FORMS = frozenset({"jose", "sdjwt"})
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the result and return the exit code: 0 whenever there is a result, whatever it says."""
    options = _read_options(arguments)
    try:
        content, method = options.input.read_text("utf-8"), _read_method(options.key)
        result = _run(options, content, method)
        options.output.write_text(json.dumps(result), "utf-8")
    except (OSError, UnicodeDecodeError, CodedError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)  # noqa: T201 a command line speaks
        return EXIT_USAGE
    return 0


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vc_jose_cli")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("issue", "verify"):
        command = commands.add_parser(name)
        for option in ("--input", "--key", "--output"):
            command.add_argument(option, type=Path, required=True)
        command.add_argument("--feature", required=True, help="credential or presentation, _ and jose or sdjwt")
        command.add_argument("--at", type=float, help="judge the dates, too, as of this time")
        command.add_argument("--sd", type=json.loads, default=[], help="paths to hide, as a JSON array")
    return parser.parse_args(arguments)


def _read_method(path: Path) -> dict[str, Any]:
    method = json_object(path.read_text("utf-8"))
    if not all(isinstance(method.get(name), dict) for name in ("publicKeyJwk", "secretKeyJwk")):
        raise JsonError("not a verification method with publicKeyJwk and secretKeyJwk")
    return method


def _run(options: argparse.Namespace, content: str, method: Mapping[str, Any]) -> dict[str, str]:
    what, _, form = options.feature.partition("_")
    if what not in _KINDS or form not in _FORMS:
        return {"result": "indeterminate", "data": f"{options.feature} is not supported"}
    try:
        if options.command == "issue":
            paths = [_path(text) for text in options.sd] if form == "sdjwt" else None
            return {"result": "success", "data": issue(content, method, kind=_KINDS[what], paths=paths)}
        verify(content.strip(), method, kind=_KINDS[what], is_sd_jwt=form == "sdjwt", at=options.at)
    except CodedError as error:
        return {"result": "failure", "data": str(error)}
    return {"result": "success", "data": ""}


def issue(
    content: str, method: Mapping[str, Any], *, kind: vc_jose.Kind, paths: list[tuple[str | int, ...]] | None
) -> str:
    """Return the document in *content*, secured: as a JWT, or with *paths* as an SD-JWT. Raises ProtocolError."""
    document, signer = json_object(content), JwkSigner(method["secretKeyJwk"], str(method.get("id")))
    header = {"kid": signer.key_id}
    if paths is None:
        return vc_jose.secure_with_jwt(document, signer=signer, header=header, kind=kind)
    return vc_jose.secure_with_sd_jwt(document, disclosable=paths, signer=signer, header=header, kind=kind).text


def verify(token: str, method: Mapping[str, Any], *, kind: vc_jose.Kind, is_sd_jwt: bool, at: float | None) -> None:
    """Judge *token*, which must be of the form asked for, and with *at* its dates. Raises ProtocolError."""
    key = public_key(method["publicKeyJwk"])
    if is_sd_jwt is not ("~" in token):
        raise TokenTypeError("not in the form asked for")
    secured = vc_jose.parse(token, kind=kind, algorithm=algorithm_of(key))
    vc_jose.verify_signature(secured, key)
    claims, _ = vc_jose.reveal_document(secured)
    party = party_of(claims.get(kind.party))
    if party is not None and party != method.get("controller"):
        raise IssuerMismatchError("signed with the key of another")
    if at is not None:
        vc_jose.check_validity(claims, now=at)


def _path(text: str) -> tuple[str | int, ...]:
    """Return the steps of a path such as ``credentialSubject.phoneNumbers[0]``."""
    return tuple(int(place) if place else name for name, place in _STEP.findall(text))


if __name__ == "__main__":
    sys.exit(main())
