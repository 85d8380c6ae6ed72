"""
Reading requests strictly: what is misread here is money.

One spelling for each thing: amounts are strings of yuan, dates ISO, whole numbers JSON numbers. Unknown and repeated fields
are refused, and each refusal says what would be right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser

from finance.money import MoneyError, format_yuan, parse_yuan
from finance.prose import as_written, is_prose_of
from web.api.identifiers import public_id

LONGEST_KEY = 48
PAGE_SIZE, LARGEST_PAGE = 25, 100
# Beyond any sum of the books, within a bigint.
LARGEST_AMOUNT_FEN = 10**12

_KEY = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})")
_RATE = re.compile(r"[0-9]{1,2}(\.[0-9]{1,10})?")
_DIGITS = re.compile(r"[0-9]{1,12}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_key(text: str) -> bool:
    """Whether a text may be an Idempotency-Key: 1 to 48 printable ASCII characters without spaces."""
    return _KEY.fullmatch(text) is not None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise ValidationError({name: [ErrorDetail(str(_("It is given more than once.")), "repeated")]})
        read[name] = value
    return read


def _no_number(text: str) -> Any:
    raise ParseError(_("%(text)s is not JSON.") % {"text": text})


def read_json(raw: bytes) -> Any:
    """The JSON in a body. Errors: ParseError, ValidationError for a field that is given twice."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ParseError(_("The body is not JSON in UTF-8.")) from error


class JSONParser(BaseParser):
    """Reads application/json, strictly."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body, parsed; an empty one is an empty object. Error: RequestDataTooBig."""
        most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(most + 1)
        if len(raw) > most:
            raise RequestDataTooBig
        return read_json(raw) if raw else {}


class Fields(serializers.Serializer[Any]):
    """The fields of a body or an answer. A body with others is refused, by name."""

    def to_internal_value(self, data: Any) -> Any:
        """The values read, by name."""
        if isinstance(data, dict) and (unknown := [name for name in data if name not in self.fields]):
            known = ", ".join(self.fields) or "-"
            text = _("There is no such field; there are: %(known)s.") % {"known": known}
            raise ValidationError({name: [ErrorDetail(text, "unknown_field")] for name in unknown})
        return super().to_internal_value(data)


class _Strict(serializers.Field[Any, Any, Any, Any]):
    """A field that takes one type and one spelling; `wanted` says which."""

    wanted: Any = ""

    def to_internal_value(self, data: Any) -> Any:
        """The value read."""
        value = self.read(data)
        if value is None:
            raise ValidationError(self.wanted, code="invalid")
        return value

    def read(self, data: Any) -> Any:
        """The value, or None for what is none."""
        raise NotImplementedError

    def written(self, text: str) -> Any:
        """What a text of an address stands for in JSON."""
        return text

    def to_representation(self, value: Any) -> Any:
        """The value as it is answered."""
        return value


@extend_schema_field(
    {
        "type": "string",
        "pattern": r"^-?(0|[1-9][0-9]{0,16})\.[0-9]{2}$",
        "example": "1000.00",
        "description": "Yuan.",
    }
)
class Yuan(_Strict):
    """An amount: a string of yuan with up to two places outside, fen inside. More than nothing, where it is asked for."""

    wanted = _('It must be an amount in yuan as text, more than 0.00, such as "1000.00".')

    def read(self, data: Any) -> int | None:
        """Fen."""
        if not isinstance(data, str):
            return None
        try:
            fen = parse_yuan(data)
        except MoneyError:
            return None
        return fen if 0 < fen <= LARGEST_AMOUNT_FEN else None

    def to_representation(self, value: int) -> str:
        """Yuan with two places."""
        return format_yuan(value)


@extend_schema_field({"type": "string", "format": "date", "example": "2026-06-05"})
class Day(_Strict):
    """A date."""

    wanted = _('It must be a date, such as "2026-06-05".')

    def read(self, data: Any) -> date | None:
        """The date."""
        if not isinstance(data, str) or not _DATE.fullmatch(data):
            return None
        try:
            return date.fromisoformat(data)
        except ValueError:
            return None

    def to_representation(self, value: date) -> str:
        """ISO 8601."""
        return value.isoformat()


@extend_schema_field({"type": "string", "format": "date-time", "example": "2026-06-05T09:30:00+08:00"})
class Instant(_Strict):
    """An instant: a date, a time to the second, and how far it is from UTC."""

    wanted = _('It must be a time with its distance from UTC, such as "2026-06-05T09:30:00+08:00".')

    def read(self, data: Any) -> datetime | None:
        """The instant, in UTC."""
        if not isinstance(data, str) or not _INSTANT.fullmatch(data):
            return None
        try:
            return datetime.fromisoformat(data).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def to_representation(self, value: datetime) -> str:
        """ISO 8601 in UTC."""
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@extend_schema_field({"type": "string", "format": "uuid"})
class Identifier(_Strict):
    """An identifier; with `kind`, one that stands for a record's number (see web.api.identifiers)."""

    wanted = _('It must be an identifier, such as "3f0c1d2e-4b5a-4678-9abc-def012345678".')

    def __init__(self, kind: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.kind = kind

    def read(self, data: Any) -> UUID | None:
        """The identifier as it was given."""
        return UUID(data) if isinstance(data, str) and _UUID.fullmatch(data) else None

    def to_representation(self, value: Any) -> str:
        """The public identifier."""
        return public_id(self.kind, value) if self.kind else str(value)


class Text(_Strict):
    """A text of some printable characters."""

    def __init__(self, *, most: int = 200, least: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.most = most
        self.wanted = format_lazy(_("It must be a text of 1 to {most} printable characters."), most=most)
        self._spectacular_annotation = {"field": {"type": "string", "minLength": least, "maxLength": most}}

    def read(self, data: Any) -> str | None:
        """The text."""
        fits = isinstance(data, str) and 1 <= len(data) <= self.most and data.isprintable()
        return data if fits else None


class Prose(Text):
    """A text in somebody's own words, which may have lines and what joins characters."""

    def read(self, data: Any) -> str | None:
        """The text as it is kept."""
        if not isinstance(data, str) or not data:
            return None
        text = as_written(data)
        return text if is_prose_of(text, least=1, most=self.most) else None


class Whole(_Strict):
    """A whole number in a range; in an address, its digits."""

    def __init__(self, *, least: int = 0, most: int = 2**31 - 1, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most
        self.wanted = format_lazy(
            _("It must be a whole number from {least} to {most}."), least=least, most=most
        )
        self._spectacular_annotation = {"field": {"type": "integer", "minimum": least, "maximum": most}}

    def read(self, data: Any) -> int | None:
        """The number."""
        if isinstance(data, bool) or not isinstance(data, int):
            return None
        return data if self.least <= data <= self.most else None

    def written(self, text: str) -> Any:
        """The number that digits write."""
        return int(text) if _DIGITS.fullmatch(text) else text


class Choice(_Strict):
    """One of some words."""

    def __init__(self, words: Iterable[str], **options: Any) -> None:
        super().__init__(**options)
        self.words = [str(word) for word in words]
        self.wanted = format_lazy(_("It must be one of {words}."), words=", ".join(self.words))
        self._spectacular_annotation = {"field": {"type": "string", "enum": self.words}}

    def read(self, data: Any) -> str | None:
        """The word."""
        return data if isinstance(data, str) and data in self.words else None

    def to_representation(self, value: Any) -> str:
        """The word."""
        return str(value)


@extend_schema_field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$", "example": "0.0005"})
class Rate(_Strict):
    """A rate, as a fraction: a string of digits with up to ten places."""

    wanted = _('It must be a rate as text, such as "0.0005".')

    def read(self, data: Any) -> Decimal | None:
        """The rate."""
        return Decimal(data) if isinstance(data, str) and _RATE.fullmatch(data) else None

    def to_representation(self, value: Decimal) -> str:
        """Its digits."""
        return f"{value.normalize():f}"


@extend_schema_field({"type": "boolean"})
class Truth(_Strict):
    """True or false."""

    wanted = _("It must be true or false.")

    def read(self, data: Any) -> bool | None:
        """The truth."""
        return data if isinstance(data, bool) else None


def read_query(given: Mapping[str, list[str]], filters: Mapping[str, _Strict]) -> dict[str, Any]:
    """
    The query of an address, each parameter read by its field; those left out are left out.

    Errors: ValidationError naming a parameter that is unknown, given twice, or not as it should be.
    """
    errors: dict[str, list[Any]] = {}
    read: dict[str, Any] = {}
    for name, values in given.items():
        known = filters.get(name)
        if known is None:
            names = ", ".join(filters) or "-"
            text = _("There is no such parameter; there are: %(known)s.") % {"known": names}
            errors[name] = [ErrorDetail(text, "unknown_parameter")]
        elif len(values) != 1:
            errors[name] = [ErrorDetail(str(_("It is given more than once.")), "repeated")]
        else:
            try:
                read[name] = known.to_internal_value(known.written(values[0]))
            except ValidationError as error:
                errors[name] = error.detail  # type: ignore[assignment]
    if errors:
        raise ValidationError(errors)
    return read
