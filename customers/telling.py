"""
What a day brought, told as it has ended: each kind by one statement over whatever the day concerns.

What the products share of it. Steps of the close that write no money: the reference of a notice is that of its fact, so a
step that is repeated tells nobody twice, and a service that told at once is not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from customers.notices import Message, figures_sql
from customers.services.notices import notify_all

# The reminders in force on the day that begins.
_REMINDERS = """(
    SELECT days FROM {table}
    WHERE effective_from = (SELECT max(effective_from) FROM {table} WHERE effective_from <= %(next)s)
)"""

_SCOPE = "(%(ids)s::bigint[] IS NULL OR {column} = ANY(%(ids)s))"


def concerned_sql(
    message: type[Message], sql: str, *, subject: str, reminders: str, figures: dict[str, str]
) -> str:
    """
    Who is told what: a SELECT with the figures of its kind, the table of reminders and the ids of the step put in.

    `subject` is the column of the line or loan in it, which `ids` names; None there is all of them.
    """
    return (
        sql.replace("/* figures */", figures_sql(message, **figures))
        .replace("/* reminders */", _REMINDERS.format(table=reminders))
        .replace("/* scope */", _SCOPE.format(column=subject))
    )


def day_step(message: type[Message], concerned: str, **parameters: Any) -> Callable[..., int]:
    """The step of the close that tells one kind; `parameters` are what its SELECT asks for beside the days and the ids."""

    def tell(closed_on: date, ids: Sequence[int] | None = None) -> int:
        next_day = closed_on + timedelta(days=1)
        given = {"closed": closed_on, "next": next_day, "ids": ids, **parameters}
        return notify_all(message=message, concerned=concerned, parameters=given, on=next_day)

    tell.__doc__ = (
        f"Tells {message.kind} to whom the end of a day concerns. Returns how many notices are new."
    )
    return tell
