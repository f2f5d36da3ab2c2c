"""A wallet made of other people's code: npm oid4vc-ts, @sd-jwt/sd-jwt-vc, dcql and jose, run in Node against a live service.

It holds what it receives, with the keys, and presents from there. A refusal by the service is an error with its step.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocol.encoding import b64u_encode
from protocol.keys import public_jwk
from tests.oracles.node import find_node

HERE = Path(__file__).resolve().parent
SECONDS = 90
CLIENT_ID = "https://wallet.example"
REDIRECT_URI = "https://wallet.example/back"


class WalletFaultError(RuntimeError):
    """The wallet itself gave up, or could not run; its own words are the message."""


class WalletRefusedError(Exception):
    """The service refused: at which step, with which HTTP status and which error of the standard."""

    def __init__(self, refusal: dict[str, Any], trace: Sequence[dict[str, Any]]) -> None:
        super().__init__(f"{refusal['step']} {refusal['status']} {refusal['error']}: {refusal.get('description')}")
        self.step: str = refusal["step"]
        self.status: int = refusal["status"]
        self.error: str | None = refusal["error"]
        self.headers: dict[str, str] = refusal.get("headers", {})
        self.trace = trace


@dataclass(frozen=True)
class Held:
    """A credential and the private JWK it is bound to."""

    credential: str
    key: dict[str, str]


@dataclass
class Wallet:
    """*provider* is the private JWK of whoever vouches for the wallet and its keys; *roots* are trusted certificates."""

    provider: dict[str, str] | None = None
    roots: Sequence[str] = ()
    held: list[Held] = field(default_factory=list)

    def receive(self, offer: str, *, browser: Callable[[str], str] | None = None, **how: Any) -> dict[str, Any]:
        """Take what *offer* holds and keep it; *how* is the job of receive.mjs: txCode, dpop, proof, count, fault, …

        *browser*, for the authorization-code flow, is led to an address and returns the one the citizen came back by.
        """
        job = {
            "offer": offer,
            "dpop": True,
            "roots": list(self.roots),
            **({"clientId": CLIENT_ID} if self.provider or browser else {}),
            **how,
        }
        job |= {"provider": self.provider} if self.provider else {}
        if browser:
            job |= {"redirectUri": REDIRECT_URI}
            begun = self._run("receive", job)
            job |= {"session": begun["session"], "answer": browser(begun["url"])}
        received = self._run("receive", job)
        self.held += [Held(*pair) for pair in zip(received["credentials"], received["keys"], strict=False)]
        return received

    def collect(self, received: dict[str, Any], offer: str, **how: Any) -> dict[str, Any]:
        """Ask for what was deferred; ``patience`` is how many seconds to go on asking."""
        job = {"session": received["session"], "transactionId": received["transactionId"]}
        return self.receive(offer, **job, **how)

    def refresh(self, received: dict[str, Any], offer: str, **how: Any) -> dict[str, Any]:
        """Take fresh credentials, for fresh keys, by the refresh token of *received*."""
        session = {name: key for name, key in received["session"].items() if name.endswith("Key")}
        return self.receive(offer, session=session, refreshToken=received["token"]["refresh_token"], **how)

    def present(self, request: str, **how: Any) -> dict[str, Any]:
        """Answer *request* with what is held; *how* is the job of present.mjs: fault, verifierKeys."""
        held = [{"credential": each.credential, "key": each.key} for each in self.held]
        return self._run("present", {"request": request, "held": held, "roots": list(self.roots), **how})

    def _run(self, do: str, job: dict[str, Any]) -> dict[str, Any]:
        result = run_node("wallet.mjs", {"do": do, **job})
        if "refused" in result:
            raise WalletRefusedError(result["refused"], result["trace"])
        return result


def receive_with_credo(offer: str, *, tx_code: str, roots: Sequence[str], requests: Sequence[str]) -> dict[str, Any]:
    """Let Credo take *offer* and answer every one of *requests* with it; return the claims and the service's answers."""
    return run_node("credo.mjs", {"offer": offer, "txCode": tx_code, "roots": list(roots), "requests": list(requests)})


def run_node(script: str, job: dict[str, Any]) -> dict[str, Any]:
    """Run one job of a script beside this file. Raises WalletFaultError when it fails."""
    done = subprocess.run(
        [find_node(), str(HERE / script)],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise WalletFaultError(done.stderr.strip())
    result: dict[str, Any] = json.loads(done.stdout)["result"]
    return result


def make_provider() -> dict[str, str]:
    """The private JWK of a wallet provider."""
    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    return {**public_jwk(key.public_key()), "d": b64u_encode(secret)}
