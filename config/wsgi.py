"""The entry of every web server."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

from config.memory import spare_loaded_objects

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")


class Utf8Request(WSGIRequest):
    """Django decodes even the query by the charset that the client names, before any middleware could object to it."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Utf8Handler(WSGIHandler):
    request_class = Utf8Request


django.setup(set_prefix=False)
application = Utf8Handler()
# Every view, before the first request asks for one.
import_module(settings.ROOT_URLCONF)
spare_loaded_objects()
