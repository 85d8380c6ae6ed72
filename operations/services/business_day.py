"""The business date: which day the bank is on, for whoever writes to its books."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import transaction

from finance.errors import DomainError, Kind
from ledger.sql import fetch_one
from operations.models import BusinessDay

# The business date as SQL, held until the transaction ends, for statements that are a transaction of their own.
HELD_DAY = "SELECT business_on FROM operations_businessday FOR SHARE"

NO_DAY = "no business date yet: build the demo world, or set one with ./manage.py set_business_date"


class CloseError(DomainError):
    """A day that cannot be closed."""

    code = "close_refused"
    kind = Kind.CONFLICT


class NotOpen(CloseError):
    """The bank has no business date yet."""

    code = "bank_not_open"
    kind = Kind.UNAVAILABLE


def business_date() -> date:
    """The date the bank is on. Error: CloseError when none was set yet."""
    day = BusinessDay.objects.first()
    if day is None:
        raise NotOpen(NO_DAY)
    return day.business_on


@contextmanager
def booking_day() -> Iterator[date]:
    """
    A transaction on the business date: the date does not move before it ends. Error: CloseError when none was set yet.

    For whoever writes to the books: a date that is only read may be closed by the time when the books are written, and what
    is then booked on it is in no statement and no day's income. Those who hold the day do not wait for each other.
    """
    with transaction.atomic():
        if not (row := fetch_one(HELD_DAY, [])):
            raise NotOpen(NO_DAY)
        yield row[0]


def is_open() -> bool:
    """Whether the bank has a business date."""
    return BusinessDay.objects.exists()


def set_business_date(*, on: date) -> None:
    """Sets the first business date of an empty bank. Error: CloseError when there is one: only a close moves it."""
    day, created = BusinessDay.objects.get_or_create(defaults={"business_on": on, "first_on": on})
    if not created and day.business_on != on:
        raise CloseError(f"the business date is {day.business_on}: only a close moves it")
