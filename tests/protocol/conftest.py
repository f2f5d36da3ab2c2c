from __future__ import annotations

from hypothesis import settings

# Machines are shared and slow at times; what must be quick is timed by its own tests.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
