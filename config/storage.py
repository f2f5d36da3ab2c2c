from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # its package is untyped
    """Hashed names inside JavaScript imports too: without that, a module could meet another version's neighbour."""

    support_js_module_import_aggregation = True
