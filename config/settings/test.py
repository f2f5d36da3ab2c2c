"""The same settings for the test suite: fixed throw-away keys, PostgreSQL and Redis on loopback."""

import os

_THROW_AWAY = {
    "DEMO": "1",
    "SECRET_KEY": "test-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH",
    "KEY_ENCRYPTION_KEY": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "LOOKUP_KEY": "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
    "LOG_SIGNING_SEED": "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
    "WITNESS_SIGNING_SEED": "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
    "PUBLIC_URL": "http://localhost:8000",
    "DATABASE_URL": "postgres://root@127.0.0.1:5432/chancela",
    "CELERY_BROKER_URL": "redis://127.0.0.1:6379/9",
    "VERIFY_TRUST_POLL_SECONDS": "0",
}
for _name, _value in _THROW_AWAY.items():
    os.environ.setdefault(_name, _value)

from config.settings.base import *  # noqa: E402 the environment comes first

CACHES["default"]["KEY_FUNCTION"] = "tests.cache_names.name_key"
# No thread writes into a test's database: tests call config.tally.write_totals.
TALLY_SECONDS = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Static files come from their sources: no collectstatic before the tests.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
# A ledger in this process alone: no deployment may be told to believe it.
LEDGER_KINDS = {**LEDGER_KINDS, "memory": "anchoring.backends.memory.MemoryLedger"}
