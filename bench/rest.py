"""POST /api/v1/verify on the real stack, against the bare-WSGI yardstick and a Node server, each with two workers.

Every request shows another of several certificates. The servers run all the time and are loaded in turns. The whole
stack is also called in process, where its CPU can be told from that of the server and the load generator.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.report import Row
from bench.world import ROOT, World, make_world

WORKERS = 2
CONNECTIONS = 16
CHANCELA, YARDSTICK, NODE, TUNED_NODE = "Chancela", "bare WSGI", "Node", "Node with node:crypto"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long each server is loaded in each round, and with how many different presentations."""

    rounds: int = 7
    seconds: float = 3.0
    warm_up: float = 3.0
    certificates: int = 48
    in_process_rounds: int = 21
    query_seconds: float = 3.0


@dataclass(slots=True)
class Server:
    """A process group listening on *port*, and what it reached in each round."""

    port: int
    process: subprocess.Popen[bytes]
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


def run(effort: Effort) -> list[Row]:
    """Measure all three in one run."""
    with make_world() as world, ExitStack() as stack:
        facts = world.folder / "facts.json"
        world.run("-m", "bench.inside", "seed", str(facts), str(effort.certificates), demo=True)
        alone = _in_process(world, facts, effort)
        servers = _start_all(world, facts, stack)
        for server in servers.values():
            _load(server, facts, seconds=effort.warm_up)
        for number in range(effort.rounds):
            _round(list(servers.values()), facts, effort, first=number)
    return [*_server_rows(servers), *_in_process_rows(alone)]


def _in_process(world: World, facts: Path, effort: Effort) -> dict[str, float]:
    limits = (str(effort.in_process_rounds), str(effort.query_seconds))
    figures: dict[str, float] = json.loads(world.run("-m", "bench.inside", "in_process", str(facts), *limits))
    return figures


def _start_all(world: World, facts: Path, stack: ExitStack) -> dict[str, Server]:
    chancela = stack.enter_context(_serving(_granian("config.wsgi:application"), world, {}))
    trust = {"YARDSTICK_TRUST": str(facts)}
    yardstick = stack.enter_context(_serving(_granian("bench.yardstick:application"), world, trust))
    peer = {"FACTS": str(facts), "WORKERS": str(WORKERS)}
    command = ["node", "bench/node_server.mjs"]
    node = stack.enter_context(_serving(command, world, peer))
    tuned_node = stack.enter_context(_serving(command, world, {**peer, "CRYPTO": "openssl"}))
    return {CHANCELA: chancela, YARDSTICK: yardstick, NODE: node, TUNED_NODE: tuned_node}


def _granian(application: str) -> list[str]:
    options = ["--interface", "wsgi", "--workers", str(WORKERS), "--blocking-threads", "1", "--no-ws"]
    return [sys.executable, "-m", "granian", *options, "--log-level", "warning", application]


@contextmanager
def _serving(command: list[str], world: World, extra: Mapping[str, str]) -> Iterator[Server]:
    port = _free_port()
    environment = {**world.environment, **extra, "PORT": str(port), "GRANIAN_PORT": str(port)}
    log = (world.folder / f"server-{port}.log").open("wb")
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(port, process)
        yield Server(port, process)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once an answer has come: a port is open long before the application behind it is loaded."""
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"the server on port {port} ended at once")
        with socket.socket() as probe:
            probe.settimeout(60)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                probe.sendall(f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
                if probe.recv(1):
                    return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on port {port}")


def _round(servers: list[Server], facts: Path, effort: Effort, *, first: int) -> None:
    start = first % len(servers)
    for server in servers[start:] + servers[:start]:
        before = _cpu_seconds(server.process.pid)
        figures = _load(server, facts, seconds=effort.seconds)
        spent = _cpu_seconds(server.process.pid) - before
        server.rates.append(figures["rate"])
        server.cpu.append(spent / (figures["rate"] * effort.seconds))
        server.p99.append(figures["p99_ms"])


def _load(server: Server, facts: Path, *, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.load", str(server.port), str(CONNECTIONS), str(seconds), str(facts)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds + 60)
    if done.returncode:
        raise RuntimeError(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["refused"]:
        raise RuntimeError(f"{figures['refused']:.0f} answers were not valid verdicts, such as:\n{done.stderr[:2000]}")
    return figures


def _cpu_seconds(leader: int) -> float:
    """Return user and system time of every process in the session that *leader* began."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _server_rows(servers: Mapping[str, Server]) -> list[Row]:
    figures: dict[str, float | str] = {}
    for name, server in servers.items():
        figures[f"{name}, requests/s"] = median(server.rates)
        figures[f"{name}, server CPU µs/request"] = median(server.cpu) * 1e6
        figures[f"{name}, p99 ms"] = median(server.p99)
    ours, yardstick, node, tuned = (servers[name] for name in (CHANCELA, YARDSTICK, NODE, TUNED_NODE))
    title = "REST verify, granian WSGI, two workers, rate"
    return [
        Row(f"{title} ÷ bare-WSGI yardstick", _ratio(ours.rates, yardstick.rates), "at least", 0.5, figures=figures),
        Row(f"{title} ÷ Node @sd-jwt/sd-jwt-vc server", _ratio(ours.rates, node.rates), "at least", 1.1),
        Row(f"{title} ÷ the same Node server with node:crypto", _ratio(ours.rates, tuned.rates)),
        Row("REST verify, server CPU per request ÷ yardstick", _ratio(ours.cpu, yardstick.cpu)),
        Row("REST verify, server CPU per request ÷ Node server", _ratio(ours.cpu, node.cpu)),
    ]


def _in_process_rows(alone: Mapping[str, float]) -> list[Row]:
    figures = {
        "whole stack, µs": alone["stack"],
        "bare WSGI, µs": alone["yardstick"],
        "two bare verifies, µs": alone["bare"],
        "bare WSGI ÷ two bare verifies": alone["yardstick ratio"],
    }
    counted = {"calls": alone["calls"], "queries": alone["queries"]}
    return [
        Row("REST verify in process, whole stack ÷ two bare verifies", alone["stack ratio"], figures=figures),
        Row("A batch of 1,000 in process ÷ 1,000 single calls", alone["batch ratio"]),
        Row("Warm verify, most queries in one call", alone["most queries"], "at most", 1, "queries", counted),
    ]


def _ratio(over: list[float], under: list[float]) -> float:
    return median(a / b for a, b in zip(over, under, strict=True))
