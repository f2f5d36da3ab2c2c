"""The Celery application. Celery is the doorbell; the database is the truth."""

import os
import time

from celery import Celery, Task
from celery.signals import task_postrun, task_prerun, worker_process_init, worker_process_shutdown
from django_structlog.celery.steps import DjangoStructLogInitStep

from config.memory import spare_loaded_objects

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

app = Celery("chancela")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()

# By task id: when each task that runs in this process began.
_begun: dict[str, float] = {}


@worker_process_init.connect
def _begin_process(**_: object) -> None:
    spare_loaded_objects()


@task_prerun.connect
def _begin_task(task_id: str, **_: object) -> None:
    _begun[task_id] = time.monotonic()


@task_postrun.connect
def _end_task(task_id: str, task: "Task[..., object]", state: str | None = None, **_: object) -> None:
    from config import tally

    begun = _begun.pop(task_id, None)
    if begun is not None:
        tally.count(tally.TASK, task.name, seconds=time.monotonic() - begun)
    if state == "FAILURE":
        tally.count(tally.TASK_FAILURE, task.name)


@worker_process_shutdown.connect
def _end_process(**_: object) -> None:
    from config import tally

    tally.write_last_totals()
