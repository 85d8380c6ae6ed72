"""
The business date, for apps below the one that keeps it: `settings.BUSINESS_DAY` names the module that does.

Only what stands at the edge (an endpoint) asks here; services take the date as an argument.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date
from functools import cache
from importlib import import_module
from typing import Any, cast

from django.conf import settings

from finance.errors import DomainError, Kind


class CloseUnderWay(DomainError):
    """The day before was left, and not every step of its close is done."""

    code = "close_under_way"
    kind = Kind.CONFLICT


@cache
def _keeper() -> Any:
    return import_module(settings.BUSINESS_DAY)


def business_date() -> date:
    """The date the bank is on, for reading."""
    return cast(date, _keeper().business_date())


def booking_day() -> AbstractContextManager[date]:
    """A transaction on the business date, for whoever writes to the books: the date does not move before it ends."""
    return cast(AbstractContextManager[date], _keeper().booking_day())


def correcting_day() -> AbstractContextManager[date]:
    """`booking_day` for whoever corrects what is past. Error: CloseUnderWay."""
    return cast(AbstractContextManager[date], _keeper().correcting_day())


def held_day() -> str:
    """The business date as a SELECT that holds it, for the one statement that is a transaction of its own."""
    return cast(str, _keeper().HELD_DAY)
