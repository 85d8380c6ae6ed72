"""Instalments of whoever is signed in: what they cost, a statement put into them, plans, and paying one off."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei import plans
from huabei.api.borrower import BORROWER, OwnEndpoint
from huabei.errors import AmountRefused, InstalmentsNotOffered, LineNotActive, RequestConflict
from huabei.models import Payoff, PayoffRule, Plan
from huabei.plans import PlanStanding
from huabei.services.instalments import NothingToSpread, PlanEnded, pay_off, spread_statement
from web.api.day import booking_day, business_date
from web.api.reading import Choice, Day, Fields, Identifier, Rate, Text, Truth, Whole, Yuan
from web.api.schema import operation
from web.api.views import Endpoint

PLAN = "plan"
# What an offer is quoted for when no amount is named.
FIRST_AMOUNT_FEN = 1_000_00


class InstalmentOut(Fields):
    """One instalment, and by when it is due, or will be on the line's present calendar."""

    number = Whole()
    principal = Yuan(source="principal_fen")
    fee = Yuan(source="fee_fen")
    issued_on = Day(help_text="The statement day that bills it.")
    due_on = Day()
    is_billed = Truth()


class InstalmentOfferOut(Fields):
    """An amount in some number of instalments: what it costs a year comes first."""

    simple_annual_rate = Rate(source="offer.simple_annual")
    effective_annual_rate = Rate(source="offer.effective_annual")
    instalments = Whole(source="offer.periods")
    principal = Yuan(source="offer.principal_fen")
    fee = Yuan(source="offer.fee_fen")
    paid_by_shop = Yuan(
        source="offer.subsidy_fen", help_text="What the shop pays of the fee, under a campaign."
    )
    total = Yuan(source="offer.total_fen")
    rows = InstalmentOut(many=True)


class InstalmentOffersOut(Fields):
    """Every number of instalments that is offered today."""

    items = InstalmentOfferOut(many=True)


class StatementPlanIn(Fields):
    """What of the latest statement to put into how many instalments."""

    amount = Yuan()
    instalments = Whole(least=2, most=60)


class PlanOut(Fields):
    """A plan as it was agreed."""

    id = Identifier(PLAN, source="pk")
    shop = Text(
        source="purchase.merchant.shop.name",
        allow_null=True,
        default=None,
        help_text="Of a purchase; null where a statement was put into instalments.",
    )
    principal = Yuan(source="principal_fen")
    fee = Yuan(source="fee_fen")
    instalments = Whole(source="periods")
    made_on = Day()
    payoff_rule = Choice(PayoffRule.values)


class PlanDetailOut(Fields):
    """A plan and its rows, billed and to come."""

    plan = PlanOut()
    rows = InstalmentOut(many=True)
    principal_to_come = Yuan(source="principal_to_come_fen")
    fee_to_come = Yuan(source="fee_to_come_fen")


class PayoffQuoteOut(Fields):
    """What paying a plan off on a day takes."""

    on = Day()
    amount = Yuan(source="amount_fen")
    principal = Yuan(source="principal_fen")
    fee = Yuan(source="fee_fen")
    waived = Yuan(source="waived_fen", help_text="Fees that are saved.")


class PayoffIn(Fields):
    """The amount that was quoted for today."""

    amount = Yuan()


class PayoffOut(Fields):
    """A plan that was paid off, which never changes."""

    plan = Identifier(PLAN, source="plan_id")
    amount = Yuan(source="amount_fen")
    principal = Yuan(source="principal_fen")
    fee = Yuan(source="fee_fen")
    waived = Yuan(source="waived_fen")
    paid_on = Day()


A_PLAN = "c0a8f5d4-6b1e-4f27-9d38-1e5f7a9b3c07"
_ROW = {
    "number": 1,
    "principal": "200.00",
    "fee": "5.00",
    "issued_on": "2026-08-01",
    "due_on": "2026-08-10",
    "is_billed": False,
}
EXAMPLE_PLAN = {
    "id": A_PLAN,
    "shop": None,
    "principal": "600.00",
    "fee": "15.00",
    "instalments": 3,
    "made_on": "2026-07-05",
    "payoff_rule": "fees_stay_due",
}
EXAMPLE_DETAIL = {
    "plan": EXAMPLE_PLAN,
    "rows": [_ROW],
    "principal_to_come": "600.00",
    "fee_to_come": "15.00",
}
EXAMPLE_PAYOFF = {
    "plan": A_PLAN,
    "amount": "615.00",
    "principal": "600.00",
    "fee": "15.00",
    "waived": "0.00",
    "paid_on": "2026-07-05",
}


class OwnOffers(OwnEndpoint):
    """What instalments cost the borrower."""

    allowed = {"GET": BORROWER}
    filters = {
        "amount": Yuan(help_text="For which amount; 1000.00 where it is left out."),
        "shop": Identifier(help_text="Bought at this shop, whose campaigns pay the fee of some."),
    }

    @operation(
        "listInstalmentOffers",
        summary="See what instalments cost",
        answer=InstalmentOffersOut,
        example={
            "items": [
                {
                    "simple_annual_rate": "0.1494",
                    "effective_annual_rate": "0.16",
                    "instalments": 3,
                    "principal": "600.00",
                    "fee": "15.00",
                    "paid_by_shop": "0.00",
                    "total": "615.00",
                    "rows": [_ROW],
                }
            ]
        },
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """
        An amount in every number of instalments that is offered today, with both annual rates and every row. Where a campaign
        of the shop pays the fee it is nothing, and so are the rates.
        """
        line, on = self.line(), business_date()
        amount_fen = self.query.get("amount", FIRST_AMOUNT_FEN)
        offers = plans.offers_on(amount_fen, on, merchant_id=self.query.get("shop"))
        items = [{"offer": each, "rows": plans.dated(line, each.rows, on)} for each in offers]
        return self.answer(InstalmentOffersOut, {"items": items})


class OwnPlans(OwnEndpoint):
    """The borrower's plans."""

    allowed = {"GET": BORROWER, "POST": BORROWER}
    paged = True

    @operation(
        "listOwnPlans",
        summary="List my instalment plans",
        answer=PlanOut,
        many=True,
        example=EXAMPLE_PLAN,
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """The plans of the borrower's line, newest first."""
        found = Plan.objects.filter(line=self.line()).select_related("purchase__merchant__shop")
        return self.page(PlanOut, found)

    @operation(
        "spreadOwnStatement",
        summary="Put my statement into instalments",
        body=StatementPlanIn,
        answer=PlanOut,
        status=201,
        keyed=True,
        refusals=(AmountRefused, InstalmentsNotOffered, LineNotActive, NothingToSpread, RequestConflict),
        example_body={"amount": "600.00", "instalments": 3},
        example=EXAMPLE_PLAN,
        tag="Borrower",
    )
    def post(self, request: Request) -> Response:
        """Puts an amount of the latest statement's purchases into instalments, until its due date."""
        key, asked = self.key(), self.body(StatementPlanIn)
        line = self.line()
        with booking_day() as on:
            made = spread_statement(
                line_id=line.pk,
                amount_fen=asked["amount"],
                periods=asked["instalments"],
                reference=f"me:{key}",
                on=on,
            )
        return self.answer(PlanOut, made, status=201, replayed=made.repeated)


class _OwnPlanEndpoint(Endpoint):
    """An endpoint about one of the borrower's plans."""

    def standing(self, plan_id: UUID, on: date) -> PlanStanding:
        """The plan. Error: NotFound."""
        number = self.number(PLAN, plan_id)
        found = plans.own_plan(customer_id=self.owner, plan_id=number, today=on)
        if found is None:
            raise NotFound
        return found


class OwnPlan(_OwnPlanEndpoint):
    """One of the borrower's plans."""

    allowed = {"GET": BORROWER}

    @operation(
        "readOwnPlan",
        summary="Read one of my instalment plans",
        answer=PlanDetailOut,
        example=EXAMPLE_DETAIL,
        tag="Borrower",
    )
    def get(self, request: Request, plan_id: UUID) -> Response:
        """A plan with its instalments, billed and to come."""
        return self.answer(PlanDetailOut, self.standing(plan_id, business_date()))


class OwnPayoff(_OwnPlanEndpoint):
    """Paying one of the borrower's plans off."""

    allowed = {"GET": BORROWER, "POST": BORROWER}
    filters = {"on": Day(help_text="For which day, today or later; today where it is left out.")}

    @operation(
        "quoteOwnPayoff",
        summary="See what paying a plan off takes",
        answer=PayoffQuoteOut,
        example={
            "on": "2026-07-05",
            "amount": "615.00",
            "principal": "600.00",
            "fee": "15.00",
            "waived": "0.00",
        },
        tag="Borrower",
    )
    def get(self, request: Request, plan_id: UUID) -> Response:
        """What paying all instalments to come takes on a day, fees included or saved as was agreed."""
        today = business_date()
        on = max(self.query.get("on", today), today)
        plan = self.standing(plan_id, today).plan
        return self.answer(PayoffQuoteOut, plans.payoff_quote_on(plan, today=today, on=on))

    @operation(
        "payOffOwnPlan",
        summary="Pay a plan off",
        body=PayoffIn,
        answer=PayoffOut,
        status=201,
        keyed=True,
        refusals=(AmountRefused, PlanEnded),
        example_body={"amount": "615.00"},
        example=EXAMPLE_PAYOFF,
        tag="Borrower",
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Pays all instalments to come of a plan, for the amount that was quoted for today; another one is refused."""
        key, amount_fen = self.key(), self.body(PayoffIn)["amount"]
        plan = self.standing(plan_id, business_date()).plan
        with booking_day() as on:
            paid: Payoff = pay_off(plan_id=plan.pk, reference=f"me:{key}", on=on, amount_fen=amount_fen)
        return self.answer(PayoffOut, paid, status=201, replayed=paid.repeated)
