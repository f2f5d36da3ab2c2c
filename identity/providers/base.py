"""The interface of an identity provider, and its registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from protocol.errors import NotFoundError

# How sure a proof of identity is, weakest first (eIDAS).
LEVELS = ("low", "substantial", "high")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to begin, as the applicant chooses it. ``is_post`` where following it changes something."""

    label: str
    href: str
    is_post: bool = False


class KycProvider(Protocol):
    """One way to prove identity. Instances hold no state; a case remembers its provider by ``name``."""

    name: str
    # Whether cases wait for a clerk; otherwise the provider itself vouches for what it states.
    is_decided_by_clerk: bool

    def ways(self) -> list[Way]:
        """Return every way to begin; none when the provider is not set up."""
        ...

    def assurance(self, evidence: Mapping[str, Any]) -> str:
        """Return how sure the outcome is: low, substantial or high. Raises DomainError when it vouches for nothing."""
        ...


def providers() -> list[KycProvider]:
    return [import_string(path)() for path in settings.KYC_PROVIDERS]


def provider_named(name: str) -> KycProvider:
    """Raises NotFoundError for a provider that is not registered."""
    for provider in providers():
        if provider.name == name:
            return provider
    raise NotFoundError("identity provider")
