"""Named places where the fault tests kill the process, between any two steps that could be torn apart."""

from __future__ import annotations

import os
import signal

from django.conf import settings


def reach(name: str) -> None:
    """Die at once, as by power loss, when the environment of a demonstration names this point."""
    if settings.DEMO and name == settings.CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)
