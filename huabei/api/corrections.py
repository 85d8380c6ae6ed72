"""What the lender's own systems take back of a line: repayments that bounced, purchases that should not have been."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei.api.lender import READ, LineEndpoint
from huabei.api.shapes import EXAMPLE_CORRECTION, PURCHASE, REPAYMENT, CorrectionOut, ReasonIn
from huabei.models import Correction
from huabei.services.corrections import PurchaseNotReversible, reverse_purchase, reverse_repayment
from web.api.callers import Allowed, Scope, Who
from web.api.day import CloseUnderWay, correcting_day
from web.api.schema import operation

WRITE = Allowed(Who.LENDER, Scope.REPAYMENTS_WRITE)


class Corrections(LineEndpoint):
    """What was learned late of a line."""

    allowed = {"GET": READ}
    paged = True

    @operation(
        "listCorrections",
        summary="List corrections of a line",
        answer=CorrectionOut,
        many=True,
        example=EXAMPLE_CORRECTION,
        tag="Lines",
    )
    def get(self, request: Request, line_uuid: UUID) -> Response:
        """What was learned late of a line and what it changed, newest first."""
        return self.page(CorrectionOut, Correction.objects.filter(line=self.line(line_uuid)))


class RepaymentReversal(LineEndpoint):
    """A repayment that bounced."""

    allowed = {"POST": WRITE}

    @operation(
        "reverseRepayment",
        summary="Take back a repayment",
        body=ReasonIn,
        answer=CorrectionOut,
        refusals=(CloseUnderWay,),
        example_body={"reason": "the bank took it back"},
        example=EXAMPLE_CORRECTION,
        tag="Lines",
    )
    def post(self, request: Request, line_uuid: UUID, repayment_id: UUID) -> Response:
        """
        Takes back a repayment that bounced: the line becomes what it would be had the money never come. The same again
        changes nothing. Refused while a close is under way.
        """
        reason = self.body(ReasonIn)["reason"]
        found = self.line(line_uuid).repayments.filter(pk=self.number(REPAYMENT, repayment_id)).first()
        if found is None:
            raise NotFound
        with correcting_day() as on:
            made = reverse_repayment(repayment_id=found.pk, reason=reason, on=on)
        return self.answer(CorrectionOut, made)


class PurchaseReversal(LineEndpoint):
    """A purchase that should not have been."""

    allowed = {"POST": WRITE}

    @operation(
        "reversePurchase",
        summary="Take back a purchase",
        body=ReasonIn,
        answer=CorrectionOut,
        refusals=(PurchaseNotReversible, CloseUnderWay),
        example_body={"reason": "charged twice"},
        example={**EXAMPLE_CORRECTION, "cause": "purchase_reversed", "reason": "charged twice"},
        tag="Lines",
    )
    def post(self, request: Request, line_uuid: UUID, purchase_id: UUID) -> Response:
        """
        Takes back a captured purchase of which nothing was refunded: the line becomes what it would be had it never been
        bought, and the shop is no longer owed it. The same again changes nothing. Refused while a close is under way.
        """
        reason = self.body(ReasonIn)["reason"]
        found = self.line(line_uuid).purchases.filter(pk=self.number(PURCHASE, purchase_id)).first()
        if found is None:
            raise NotFound
        with correcting_day() as on:
            made = reverse_purchase(purchase_id=found.pk, reason=reason, on=on)
        return self.answer(CorrectionOut, made)
