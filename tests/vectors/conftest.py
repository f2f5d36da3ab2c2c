from __future__ import annotations

from tests.vectors import source

collect_ignore_glob = ["test_*.py"] if source.is_left_out() else []
