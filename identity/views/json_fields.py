"""Serializer fields that take JSON for what it is: a number is not its text, nor a text a number."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers


class JsonUUIDField(serializers.UUIDField):
    """A UUID as JSON clients write it: not a number, not a URN, not in braces."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        value = super().to_internal_value(data) if isinstance(data, str) else None
        if value is None or str(value) != data.lower():
            self.fail("invalid", value=data)
        return value


class JsonTextField(serializers.CharField):
    """Text and nothing that could be written as text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class JsonIntegerField(serializers.IntegerField):
    """A whole number, not its text; 5.0 is one, as JSON Schema 2020-12 (validation §6.1.1) has it."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int and not (type(data) is float and data.is_integer()):
            self.fail("invalid")
        return super().to_internal_value(int(data))


class JsonBooleanField(serializers.BooleanField):
    """True or false, not a word for it."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return data


class JsonObjectField(serializers.DictField):
    """An object of any members; NUL, which no column of ours takes, stands nowhere in it."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value: dict[str, Any] = super().to_internal_value(data)
        if _holds_nul(value):
            raise serializers.ValidationError(_("Null characters are not allowed."))
        return value


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(name) or _holds_nul(member) for name, member in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
