"""Who calls the API, and what a key may be allowed to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext_lazy as _


class Who(StrEnum):
    """The kinds of callers. An endpoint is for one of them."""

    SHOP = "shop"
    LENDER = "lender"
    BORROWER = "borrower"
    STAFF = "staff"


class Scope(StrEnum):
    """What a key may be allowed; each is for keys of one kind of owner."""

    PURCHASES_READ = "purchases:read"
    PURCHASES_WRITE = "purchases:write"
    CAMPAIGNS_READ = "campaigns:read"
    SETTLEMENT_READ = "settlement:read"
    LINES_READ = "lines:read"
    DECISIONS_READ = "decisions:read"
    LOANS_READ = "loans:read"
    REPAYMENTS_WRITE = "repayments:write"
    LOANS_SERVICE = "loans:service"
    LOANS_GIVE_UP = "loans:give-up"
    ORDERS_WRITE = "orders:write"
    CAMPAIGNS_RUN = "campaigns:run"
    SIMULATIONS_RUN = "simulations:run"


SCOPES: Mapping[Scope, tuple[Who, object]] = {
    Scope.PURCHASES_READ: (Who.SHOP, _("see the shop's purchases and refunds")),
    Scope.PURCHASES_WRITE: (Who.SHOP, _("authorise, capture, void and refund purchases")),
    Scope.CAMPAIGNS_READ: (Who.SHOP, _("see the shop's instalment campaigns")),
    Scope.SETTLEMENT_READ: (Who.SHOP, _("see what the shop is owed")),
    Scope.LINES_READ: (Who.LENDER, _("see lines, their statements and repayments")),
    Scope.DECISIONS_READ: (Who.LENDER, _("see decisions on applications for lines, and what each went by")),
    Scope.LOANS_READ: (Who.LENDER, _("see loans, their schedules and what happened to them")),
    Scope.REPAYMENTS_WRITE: (Who.LENDER, _("record repayments received")),
    Scope.LOANS_SERVICE: (
        Who.LENDER,
        _("charge, pause, reprice and reschedule loans, pay their credit out, and undo what was recorded"),
    ),
    Scope.LOANS_GIVE_UP: (Who.LENDER, _("charge off and write off loans")),
    Scope.ORDERS_WRITE: (Who.LENDER, _("tell of sellers' orders, as the platform that they sell on")),
    Scope.CAMPAIGNS_RUN: (Who.LENDER, _("see, begin, change and end shops' instalment campaigns")),
    Scope.SIMULATIONS_RUN: (Who.LENDER, _("run simulations and quotes")),
}


def scopes_of(who: Who) -> list[Scope]:
    """The scopes that a key of this kind of owner may have."""
    return [scope for scope, (owner, _text) in SCOPES.items() if owner == who]


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Whoever stands behind a request, as authentication found out.

    `owner` is the shop's or the borrower's id; `name` tells callers apart where references and rates are counted.
    """

    who: Who
    name: str
    owner: UUID | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)
    per_minute: int = 120


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may call one method of an endpoint; keys need the scope."""

    who: Who
    scope: Scope | None = None
