"""The Celery application. Celery is the doorbell; the database is the truth."""

import os

from celery import Celery
from celery.signals import worker_process_init
from django_structlog.celery.steps import DjangoStructLogInitStep

from config.memory import spare_loaded_objects

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

app = Celery("chancela")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()


@worker_process_init.connect
def _begin_process(**_: object) -> None:
    spare_loaded_objects()
