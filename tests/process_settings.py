"""What the processes of tests/processes.py run with: the suite's settings, and a beat that does not keep it waiting."""

import os

import config.settings.test as suite
from config.settings.test import *  # noqa: F403  settings modules are read by name

CELERY_BEAT_SCHEDULE = {
    name: {**entry, "schedule": 0.3}
    for name, entry in suite.CELERY_BEAT_SCHEDULE.items()
    if str(entry["task"]).startswith("anchoring.")
}
ATTESTATION_LEASE_SECONDS = 1
FETCH_ALLOWED_PRIVATE_HOSTS = os.environ.get("FETCH_ALLOWED_PRIVATE_HOSTS", "").split()
CHECKPOINT_SECONDS = float(os.environ.get("CHECKPOINT_SECONDS", "0.3"))
