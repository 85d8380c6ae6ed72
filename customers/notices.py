"""
What customers are told: kinds of messages with typed figures, put into words when they are read.

A notice stores its kind and its figures, never prose, so each reader gets it in the language they read. The products define
their kinds (`@told` on a frozen dataclass) and say it through `customers.services.notices`.

A figure is a whole number (fen, days), a date, a text, a decimal, yes or no, or one of these or nothing. Its JSON is what
`jsonb_build_object` makes of the same value, so a set-based statement and `figures_of` write the same; a decimal is a
string.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, ClassVar, TypeVar

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from finance.errors import DomainError, Kind
from web.templatetags.money import rmb


class UnreadableNotice(DomainError):
    """A kind that nobody defines, or figures that are not those of their kind."""

    code = "unreadable_notice"
    kind = Kind.MALFORMED


@dataclass(frozen=True, slots=True)
class Step:
    """What the reader may do about a message: the words on the link, and its address."""

    text: str
    address: str


@dataclass(frozen=True)
class Message:
    """
    One kind of message. Its subclasses are frozen dataclasses of figures with the words for them.

    Everything is told in the app; of what is not mandatory a customer may say no. E-mail goes to those who confirmed an
    address and did not say no to this kind (`by_email`: or said yes, where it is False).
    """

    kind: ClassVar[str]
    name: ClassVar[Any]
    mandatory: ClassVar[bool] = False
    by_email: ClassVar[bool] = True
    # Whether shops are told, and not customers: by e-mail alone, and no customer is asked whether they want it.
    to_shops: ClassVar[bool] = False
    # Pages name kinds, which are classes: a template must not make one of them.
    do_not_call_in_templates: ClassVar[bool] = True

    def title(self) -> str:
        """The message in one line, in the language in force."""
        raise NotImplementedError

    def body(self) -> list[str]:
        """What there is to say beyond the title, by paragraph."""
        raise NotImplementedError

    def step(self) -> Step | None:
        """What the reader may do about it, where there is something."""
        return None


_kinds: dict[str, type[Message]] = {}
_M = TypeVar("_M", bound=type[Message])


def told(
    *, kind: str, name: Any, mandatory: bool = False, by_email: bool = True, to_shops: bool = False
) -> Callable[[_M], _M]:
    """Makes a dataclass a kind of message, known under this name in the database and to preferences."""

    def define(message: _M) -> _M:
        if kind in _kinds:
            raise ValueError(f"two kinds of notices are called {kind}")
        message.kind, message.name = kind, name
        message.mandatory, message.by_email, message.to_shops = mandatory, by_email, to_shops
        _kinds[kind] = message
        return message

    return define


def kinds() -> list[type[Message]]:
    """Every kind of message to customers, in the order in which the products define them."""
    return [message for message in _kinds.values() if not message.to_shops]


def kind_called(kind: str) -> type[Message]:
    """The kind of this name. Error: UnreadableNotice."""
    try:
        return _kinds[kind]
    except KeyError:
        raise UnreadableNotice(f"no kind of notice is called {kind}", field="kind") from None


@cache
def _figures(kind: str) -> Mapping[str, tuple[type, ...]]:
    """The figures of a kind, each with the types it may have."""
    message = kind_called(kind)
    hints = typing.get_type_hints(message)
    return {
        field.name: typing.get_args(hints[field.name]) or (hints[field.name],) for field in fields(message)
    }


def figures_of(message: Message) -> dict[str, Any]:
    """The figures of a message as JSON holds them."""
    return {name: _written(getattr(message, name)) for name in _figures(message.kind)}


def _written(figure: Any) -> Any:
    if isinstance(figure, date):
        return figure.isoformat()
    return str(figure) if isinstance(figure, Decimal) else figure


def message_of(kind: str, figures: Mapping[str, Any]) -> Message:
    """The message that was stored, read strictly. Error: UnreadableNotice, naming the figure."""
    message = kind_called(kind)
    expected = _figures(kind)
    if unknown := figures.keys() - expected.keys():
        raise UnreadableNotice(f"{kind} has no figure {min(unknown)}", field=min(unknown))
    required = {field.name for field in fields(message) if field.default is MISSING}
    if missing := required - figures.keys():
        raise UnreadableNotice(f"{kind} needs {min(missing)}", field=min(missing))
    return message(**{name: _read(kind, name, value, expected[name]) for name, value in figures.items()})


def _read(kind: str, name: str, value: Any, types: tuple[type, ...]) -> Any:
    if value is None and NoneType in types:
        return None
    try:
        if date in types:
            return date.fromisoformat(value)
        if Decimal in types:
            return Decimal(value)
    except (TypeError, ValueError, ArithmeticError):
        pass
    else:
        if type(value) in types:
            return value
    raise UnreadableNotice(f"{kind}: {value!r} is not a {name}", field=name)


def figures_sql(message: type[Message], **columns: str) -> str:
    """
    A jsonb object of a kind's figures, each from an expression of SQL; ValueError unless every figure is given.

    So that a set-based statement cannot leave a figure out that whoever reads the notice needs.
    """
    expected = [field.name for field in fields(message)]
    if set(columns) != set(expected):
        raise ValueError(f"{message.kind} has the figures {', '.join(expected)}")
    pairs = ", ".join(f"'{name}', {column}" for name, column in columns.items())
    return f"jsonb_build_object({pairs})"


def day(on: date) -> str:
    """A date as the language in force writes it."""
    return date_format(on, "DATE_FORMAT")


def falls_due(owed_for: str, amount_fen: int, days: int) -> str:
    """The title of what falls due in so many days, or today."""
    said = {"amount": rmb(amount_fen), "what": owed_for}
    if not days:
        return _("%(amount)s of %(what)s is due today") % said
    if days == 1:
        return _("%(amount)s of %(what)s is due tomorrow") % said
    return ngettext(
        "%(amount)s of %(what)s is due in %(days)s day",
        "%(amount)s of %(what)s is due in %(days)s days",
        days,
    ) % {**said, "days": days}


def is_late(owed_for: str, overdue_fen: int, days: int) -> str:
    """The title of what is late by so many days."""
    return ngettext(
        "%(amount)s of %(what)s is %(days)s day late",
        "%(amount)s of %(what)s is %(days)s days late",
        days,
    ) % {"amount": rmb(overdue_fen), "what": owed_for, "days": days}


def what_late_costs(due_on: date, days: int, penalty_per_day_fen: int) -> list[str]:
    """What is said of what is late: since when, what each day costs, what may be done. Nobody is threatened."""
    said = [_("The oldest payment was due on %(due)s.") % {"due": day(due_on)}]
    if penalty_per_day_fen:
        said.append(
            _("Each further day costs about %(cost)s of penalty.") % {"cost": rmb(penalty_per_day_fen)}
        )
    said.append(_("You can pay at any hour, also a part of it. The day of the payment costs nothing."))
    if days >= 30:
        said.append(_("If you cannot pay now, tell us: we look for a way with you before it becomes dearer."))
    return said
