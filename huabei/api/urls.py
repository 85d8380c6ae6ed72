"""Addresses of the API of lines."""

from __future__ import annotations

from django.urls import path

from huabei.api import (
    borrower,
    corrections,
    credit,
    fast,
    instalments,
    lender,
    receipts,
    settlements,
    shares,
    shop,
)

urlpatterns = [
    path("authorisations/", fast.authorise),
    path("purchases/", shop.Purchases.as_view()),
    path("purchases/<uuid:purchase_id>/", shop.OnePurchase.as_view()),
    path("purchases/<uuid:purchase_id>/captures/", shop.Captures.as_view()),
    path("purchases/<uuid:purchase_id>/void/", shop.Void.as_view()),
    path("purchases/<uuid:purchase_id>/refunds/", shop.Refunds.as_view()),
    path("settlement/", shop.Settlement.as_view()),
    path("settlements/", settlements.Settlements.as_view()),
    path("settlements/<uuid:settlement_uuid>/", settlements.OneSettlement.as_view()),
    path("me/line/", borrower.OwnLine.as_view()),
    path("me/line/calendar/", borrower.OwnCalendar.as_view()),
    path("me/purchases/", receipts.OwnPurchases.as_view()),
    path("me/purchases/<uuid:purchase_id>/", receipts.OwnPurchase.as_view()),
    path("me/purchases/<uuid:purchase_id>/receipt/", receipts.OwnReceipt.as_view()),
    path("me/statements/", borrower.OwnStatements.as_view()),
    path("me/statements/<uuid:statement_id>/", borrower.OwnStatement.as_view()),
    path("me/statements/<uuid:statement_id>/document/", borrower.OwnStatementDocument.as_view()),
    path("me/repayments/", borrower.OwnRepayments.as_view()),
    path("me/instalment-offers/", instalments.OwnOffers.as_view()),
    path("me/plans/", instalments.OwnPlans.as_view()),
    path("me/plans/<uuid:plan_id>/", instalments.OwnPlan.as_view()),
    path("me/plans/<uuid:plan_id>/payoff/", instalments.OwnPayoff.as_view()),
    path("me/credit/", credit.OwnCredit.as_view()),
    path("me/credit/payouts/", credit.OwnPayouts.as_view()),
    path("me/refunds/", credit.OwnRefunds.as_view()),
    path("me/share-invitations/", shares.OwnInvitations.as_view()),
    path("me/share-invitations/<uuid:invitation_uuid>/withdrawal/", shares.OwnWithdrawal.as_view()),
    path("me/shares/", shares.OwnShares.as_view()),
    path("me/shares/<uuid:share_uuid>/cap/", shares.OwnCap.as_view()),
    path("me/shares/<uuid:share_uuid>/end/", shares.OwnEnd.as_view()),
    path("me/shared-with-me/", shares.SharedWithMe.as_view()),
    path("me/shared-with-me/<uuid:share_uuid>/acceptance/", shares.Acceptance.as_view()),
    path("me/shared-with-me/<uuid:share_uuid>/end/", shares.Leaving.as_view()),
    path("me/shared-with-me/<uuid:share_uuid>/purchases/", shares.PurchasesThrough.as_view()),
    path("lines/", lender.Lines.as_view()),
    path("lines/<uuid:line_uuid>/", lender.OneLine.as_view()),
    path("lines/<uuid:line_uuid>/statements/", lender.Statements.as_view()),
    path("lines/<uuid:line_uuid>/repayments/", lender.Repayments.as_view()),
    path(
        "lines/<uuid:line_uuid>/repayments/<uuid:repayment_id>/reversal/",
        corrections.RepaymentReversal.as_view(),
    ),
    path(
        "lines/<uuid:line_uuid>/purchases/<uuid:purchase_id>/reversal/",
        corrections.PurchaseReversal.as_view(),
    ),
    path("lines/<uuid:line_uuid>/corrections/", corrections.Corrections.as_view()),
]
