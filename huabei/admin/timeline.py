"""The timeline on a line's page: each fact opens to its record and to what it posted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from huabei.admin.links import entry_link
from huabei.models import Cause
from huabei.timeline import Fact, timeline
from web.console import Table, link_to, money
from web.templatetags.money import percent, yuan

AT_ONCE = 50
MOST_PAGES = 200

KINDS: dict[str, Any] = {
    "opened": _("opened"),
    "authorised": _("purchase authorised"),
    "voided": _("authorisation voided"),
    "expired": _("authorisation expired"),
    "captured": _("purchase captured"),
    "received": _("receipt confirmed"),
    "refunded": _("refund"),
    "repaid": _("repayment"),
    "statement": _("statement"),
    "due": _("minimum fell due"),
    "revolving": _("interest begins to run"),
    "penalty": _("penalty begins to run"),
    "plan": _("instalment plan"),
    "payoff": _("plan paid off early"),
    "backdated": _("correction: a repayment that counts from an earlier day"),
    "bounced": _("correction: a repayment that was taken back"),
    "purchase_reversed": _("correction: a purchase that was taken back"),
    "limit_set": _("limit set"),
    "limit_temporary": _("raised for a time"),
    "limit_temporary_ended": _("temporary limit ended"),
    "limit_closed": _("taken away as the line was closed"),
    "frozen": _("frozen"),
    "thawed": _("freeze ended"),
    "review_raised": _("reviewed: raised"),
    "review_lowered": _("reviewed: lowered"),
    "review_kept": _("reviewed: kept"),
    "review_frozen": _("reviewed: frozen"),
    "calendar": _("statement day moved"),
    "credit_paid_out": _("credit paid out"),
    "late": _("late from here"),
    "late_no_more": _("not late any more"),
    "closed": _("closed"),
}
SAID: dict[str, Any] = {
    "score": _("score"),
    "reference": _("reference"),
    "to_unbilled_fen": _("to unbilled principal"),
    "to_instalment_fen": _("off instalments to come"),
    "to_billed_fen": _("to billed principal"),
    "to_credit_fen": _("to the customer's credit"),
    "to_hold_fen": _("off what was reserved"),
    "to_penalty_fen": _("to penalty"),
    "to_interest_fen": _("to interest"),
    "to_fee_fen": _("to fees"),
    "value_on": _("counts from"),
    "minimum_fen": _("minimum"),
    "due_on": _("due date"),
    "outstanding_fen": _("of it outstanding"),
    "daily_rate": _("rate a day"),
    "until": _("until"),
    "periods": _("instalments"),
    "fee_fen": _("fee"),
    "interest_fen": _("interest"),
    "penalty_fen": _("penalty"),
    "fees_fen": _("fees"),
    "before_fen": _("before"),
    "cause": _("cause"),
    "by": _("by"),
    "words": _("note"),
    "days": _("statement day"),
}


def _told(said: dict[str, Any], causes: dict[str, str]) -> str:
    parts = []
    for name, text in SAID.items():
        if not (value := said.get(name)):
            continue
        if name.endswith("_fen"):
            value = yuan(value)
        elif name == "daily_rate":
            value = percent(Decimal(value))
        elif name == "cause":
            value = causes.get(value, value.partition(":")[2])
        parts.append(f"{text} {value}")
    return " · ".join(parts)


def _rows(facts: Iterable[Fact]) -> list[tuple[Any, ...]]:
    causes = {f"{cause.concern}:{cause.code}": str(cause) for cause in Cause.objects.all()}
    return [
        (
            link_to(fact.model, fact.record_id, fact.on),
            KINDS[fact.kind],
            money(fact.amount_fen) if fact.amount_fen is not None else "",
            _told(fact.said, causes),
            entry_link(fact.entry_id),
        )
        for fact in facts
    ]


def timeline_table(line_id: int, on: date, *, page: int = 1, more_url: str) -> Table:
    """One page of everything that happened, newest first (two queries); `more_url` leads to the older ones."""
    facts = timeline(line_id=line_id, on=on, most=AT_ONCE + 1, skipped=(page - 1) * AT_ONCE)
    return Table(
        _("Timeline"),
        (_("on"), _("what happened"), _("amount"), _("details"), _("entry")),
        _rows(facts[:AT_ONCE]),
        more_url=more_url if len(facts) > AT_ONCE and page < MOST_PAGES else "",
    )
