"""Answers that borrowers and the lender's systems share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from huabei import history, selectors
from huabei.models import Line, Statement
from web.api.day import business_date


def line_answer(line: Line) -> dict[str, Any]:
    """A line with what stands on it and what its statements ask for on the business date."""
    on = business_date()
    position = selectors.line_position(line, on)
    return {"line": line, "on": on, "position": position, "bill": history.bill(line, position, on)}


def statements_between(found: QuerySet[Statement], query: Mapping[str, Any]) -> QuerySet[Statement]:
    """Those issued in the days that a query names."""
    lookups = {"from": "issued_on__gte", "to": "issued_on__lte"}
    return found.filter(**{lookups[name]: query[name] for name in query.keys() & lookups.keys()})
