"""Reading a JSON request strictly: every field has one type and one spelling, and a refusal names the field.

Unknown and repeated fields are refused. Amounts and rates are strings of decimal digits (a JSON number is a binary float
to most writers of JSON, and 10000 could be yuan or fen); counts are JSON whole numbers. Optional fields may be left out or
null.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from finance.errors import DomainError, Kind
from finance.money import MoneyError, format_yuan, parse_yuan

LARGEST_REQUEST_BYTES = 65_536
LONGEST_SHOWN = 60
"""Characters of refused input that an error repeats."""

T = TypeVar("T")

_RATE = re.compile(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,18})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"-?[0-9]{1,12}")


class QuoteError(DomainError):
    """A request that cannot be quoted. `field` is the path of what is wrong, "request" when it is the whole."""

    code = "bad_quote_request"
    kind = Kind.MALFORMED


class _Object(dict[str, Any]):
    """A JSON object that remembers which keys it was given twice."""

    repeated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Number:
    """A JSON number that is no whole number of reasonable size, as it was written."""

    text: str


def read(request: bytes, *, at_most: int = LARGEST_REQUEST_BYTES) -> object:
    """The JSON in a request as it came over the wire. QuoteError when it is none, or longer than `at_most` bytes."""
    if not request.strip():
        raise QuoteError("nothing was given: give one JSON object", field="request")
    if len(request) > at_most:
        raise QuoteError(f"the request is longer than {at_most} bytes", field="request")
    try:
        text = request.decode("utf-8")
    except UnicodeDecodeError as error:
        raise QuoteError(f"byte {error.start + 1} is not UTF-8", field="request") from error
    try:
        return json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_int=lambda digits: int(digits) if _WHOLE.fullmatch(digits) else _Number(digits),
            parse_float=_Number,
            parse_constant=_Number,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise QuoteError(f"this is not JSON: {error.msg} at {where}", field="request") from error
    except RecursionError as error:
        raise QuoteError("the JSON is nested too deeply", field="request") from error


def _pairs(pairs: Sequence[tuple[str, Any]]) -> _Object:
    keys = [key for key, _ in pairs]
    found = _Object(pairs)
    found.repeated = tuple(dict.fromkeys(key for key in keys if keys.count(key) > 1))
    return found


def read_object(
    value: object, path: str, *, required: Sequence[str] = (), optional: Sequence[str] = ()
) -> Mapping[str, Any]:
    """`value` as an object of exactly these fields."""
    if not isinstance(value, dict):
        refuse(path or "request", value, "a JSON object")
    known = [*required, *optional]
    for key in value:
        if key not in known:
            name = _inside(path, shortened(key))
            raise QuoteError(f"{name} is unknown: {path or 'a request'} has {', '.join(known)}", field=name)
    for key in [*getattr(value, "repeated", ())]:
        raise QuoteError(f"{_inside(path, key)} is given more than once", field=_inside(path, key))
    for key in required:
        if key not in value:
            raise QuoteError(f"{_inside(path, key)} is missing", field=_inside(path, key))
    return value


def one_of(value: object, path: str, names: Sequence[str]) -> tuple[str, object]:
    """The one field that an object of alternatives has, and its value."""
    fields = read_object(value, path, optional=names)
    if len(fields) != 1:
        raise QuoteError(f"{path} must have exactly one of {', '.join(names)}", field=path)
    return next(iter(fields.items()))


def given(fields: Mapping[str, Any], name: str, parse: Callable[[object, str], T], absent: T) -> T:
    """An optional field: absent and null are the same."""
    value = fields.get(name)
    return absent if value is None else parse(value, name)


def amount(value: object, path: str, *, at_most_fen: int) -> int:
    """More than zero, as fen."""
    if not isinstance(value, str):
        refuse(path, value, 'a string of yuan such as "10000.00"')
    try:
        amount_fen = parse_yuan(value)
    except MoneyError as error:
        raise QuoteError(f"{path}: {error.message}", field=path) from error
    if not 0 < amount_fen <= at_most_fen:
        refuse(path, value, f"more than 0.00 and at most {format_yuan(at_most_fen)}")
    return amount_fen


def fraction(value: object, path: str) -> Decimal:
    if not isinstance(value, str) or _RATE.fullmatch(value) is None:
        refuse(path, value, 'a string of a fraction from zero up such as "0.12", of at most 18 places')
    return Decimal(value)


def count(value: object, path: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        refuse(path, value, f"a whole number from {least} to {most}")
    return value


def choice(value: object, path: str, choices: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        refuse(path, value, f"one of {', '.join(choices)}")
    return value


def day(value: object, path: str) -> date:
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        refuse(path, value, 'a date such as "2024-01-31"')
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise QuoteError(f"{path}: {value} is not a day of the calendar", field=path) from error


def refuse(path: str, value: object, wanted: str) -> NoReturn:
    raise QuoteError(f"{path} must be {wanted}, not {_shown(value)}", field=path)


def _shown(value: object) -> str:
    if isinstance(value, _Number):
        return f"the number {shortened(value.text)}"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return shortened(json.dumps(value, default=repr))


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
