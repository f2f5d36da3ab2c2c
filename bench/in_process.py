"""The whole Django stack called as WSGI in this process: CPU of a warm verification beside two bare signatures, and the
queries that it makes.

usage: python -m bench.inside in_process FACTS ROUNDS, in the environment of bench.world
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.library import bare_verifies
from bench.load import MARK, PATH
from bench.measure import Effort, in_turns, microseconds, ratio
from bench.yardstick import Yardstick, make_application
from config.wsgi import application as stack
from protocol.keys import p256_from_jwk
from protocol.sd_jwt_vc import parse

BATCH_PATH = f"{PATH}/batch"
BATCH_SIZE = 1000

Application = Callable[[dict[str, Any], Callable[..., Any]], Any]


def caller(
    application: Application, facts: dict[str, Any], *, path: str = PATH, asked: dict[str, Any] | None = None
) -> Callable[[], bytes]:
    """Return a function that sends one question, *asked* or the first of *facts*, and returns the body of the answer."""
    body = json.dumps(asked or facts["bodies"][0], ensure_ascii=False, separators=(",", ":")).encode()
    fixed = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {facts['api_key']}",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }

    def call() -> bytes:
        answer = application({**fixed, "wsgi.input": io.BytesIO(body)}, lambda *_: None)
        received = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        return received

    assert MARK in call()
    return call


def count_queries(call: Callable[[], object], seconds: float) -> list[int]:
    """Return the number of queries of each call during *seconds* of warm verification, polls included."""
    call()
    counts, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        with CaptureQueriesContext(connection) as captured:
            call()
        counts.append(len(captured))
    return counts


def main(path: str, rounds: str, seconds: str) -> None:
    """Print the figures as JSON."""
    facts: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    django, yardstick = caller(stack, facts), caller(make_application(Yardstick(facts)), facts)
    work = {"stack": django, "yardstick": yardstick, "bare": _bare(facts), "batch": _batch(facts)}
    samples = in_turns(work, Effort(int(rounds)))
    counts = count_queries(django, float(seconds))
    print(
        json.dumps(
            {
                **{name: microseconds(samples, name) for name in samples},
                "stack ratio": ratio(samples, "stack", "bare"),
                "yardstick ratio": ratio(samples, "yardstick", "bare"),
                "batch ratio": ratio(samples, "batch", "stack") / BATCH_SIZE,
                "calls": len(counts),
                "queries": sum(counts),
                "most queries": max(counts),
            }
        )
    )


def _batch(facts: dict[str, Any]) -> Callable[[], bytes]:
    items = list(islice(cycle(facts["bodies"]), BATCH_SIZE))
    return caller(stack, facts, path=BATCH_PATH, asked={"presentations": items})


def _bare(facts: dict[str, Any]) -> Callable[[], None]:
    presentation = facts["bodies"][0]["presentation"]
    holder = p256_from_jwk(parse(presentation).payload["cnf"]["jwk"])
    return bare_verifies(p256_from_jwk(facts["issuer_jwk"]), holder, presentation)
