"""What the API of servicing a loan is sent, and what a preview answers."""

from __future__ import annotations

from typing import Any

from lending.api.shapes import EXAMPLE_FACT, EXAMPLE_LOAN, LoanOut
from web.api.reading import Choice, Day, Fields, Prose, Rate, Text, Whole, Yuan


class _ActIn(Fields):
    """Something that is done about a loan, from a day on."""

    value_on = Day(
        required=False, allow_null=True, default=None, help_text="From when it counts; today when left out."
    )


class LoanCauseIn(_ActIn):
    """Why it is done."""

    cause = Prose()


class LoanReceivedIn(_ActIn):
    """Money that was received for a loan, or is paid out of its credit."""

    amount = Yuan(source="amount_fen")


class LoanChargeIn(LoanCauseIn):
    """A fee or a penalty."""

    amount = Yuan(source="amount_fen")
    component = Choice(["fee", "penalty"])
    due_on = Day(required=False, allow_null=True, default=None, help_text="Due at once when left out.")


class LoanPauseIn(LoanCauseIn):
    """Days without interest, from `value_on` on."""

    last_day = Day(help_text="The last day without interest.")


class LoanRateChangeIn(LoanCauseIn):
    """Another rate, never a dearer one."""

    rate = Rate(help_text="In the unit of the signed rate.")


class LoanDueDayIn(LoanCauseIn):
    """Another due day of the month."""

    due_day = Whole(least=1, most=31)


class LoanRescheduleIn(LoanCauseIn):
    """Coming instalments anew."""

    mode = Choice(
        ["reamortise", "reage", "extend"],
        help_text="`reamortise`: what is overdue goes onto the coming instalments; `reage`: all that is owed starts over in "
        "`periods` new ones from `first_due_on` on; `extend`: `periods` more at the end.",
    )
    periods = Whole(least=1, most=360, required=False, allow_null=True, default=None)
    first_due_on = Day(required=False, allow_null=True, default=None)


class LoanUndoIn(Fields):
    """Why what was recorded never happened."""

    cause = Prose()


class LoanPostingOut(Fields):
    """What would move, by kinds of accounts."""

    debit = Text()
    credit = Text()
    amount = Yuan(source="amount_fen")


class LoanPreviewOut(Fields):
    """A loan before and after, and what would be posted. Nothing of it has happened."""

    before = LoanOut()
    after = LoanOut()
    postings = LoanPostingOut(many=True)


def fact_example(kind: str, amount: str = "0.00", cause: str = "asked for by the borrower") -> dict[str, Any]:
    """What a fact is answered as."""
    return {**EXAMPLE_FACT, "kind": kind, "amount": amount, "cause": cause}


EXAMPLE_PREVIEW = {
    "before": EXAMPLE_LOAN,
    "after": {**EXAMPLE_LOAN, "principal": "11500.00", "payoff": "11501.73"},
    "postings": [{"debit": "cash_clearing", "credit": "loan_principal", "amount": "500.00"}],
}
