"""Addresses of the API of loans."""

from __future__ import annotations

from django.urls import path

from lending.api import borrower, lender, orders, sellers, servicing

urlpatterns = [
    path("me/sources/", borrower.OwnSources.as_view()),
    path("me/loans/", borrower.OwnLoans.as_view()),
    path("me/loans/plans/", borrower.OwnPlans.as_view()),
    path("me/loans/quote/", borrower.OwnQuote.as_view()),
    path("me/loans/orders/", orders.OwnOrderAmounts.as_view()),
    path("me/loans/orders/proceeds/", orders.OwnProceeds.as_view()),
    path("me/loans/<uuid:loan_uuid>/orders/", orders.OwnPledges.as_view()),
    path("me/loans/<uuid:loan_uuid>/", borrower.OwnLoan.as_view()),
    path("me/loans/<uuid:loan_uuid>/transactions/", borrower.OwnTransactions.as_view()),
    path("me/loans/<uuid:loan_uuid>/repayments/", borrower.OwnRepayments.as_view()),
    path("me/loans/<uuid:loan_uuid>/payoff/", borrower.OwnPayoff.as_view()),
    path("me/loans/<uuid:loan_uuid>/prepayment/", borrower.OwnPrepayment.as_view()),
    path("me/loans/<uuid:loan_uuid>/disbursement/", borrower.OwnDisbursement.as_view()),
    path("me/loans/<uuid:loan_uuid>/contract/", borrower.OwnContract.as_view()),
    path("me/loans/<uuid:loan_uuid>/give-up/", borrower.OwnCancellation.as_view()),
    path("sellers/", orders.Sellers.as_view()),
    path("sellers/<uuid:seller_id>/suspensions/", sellers.Suspensions.as_view()),
    path("sellers/<uuid:seller_id>/reinstatements/", sellers.Reinstatements.as_view()),
    path("sellers/<uuid:seller_id>/orders/", orders.Orders.as_view()),
    path(
        "sellers/<uuid:seller_id>/orders/<path:order_reference>/confirmations/",
        orders.Confirmations.as_view(),
    ),
    path("sellers/<uuid:seller_id>/orders/<path:order_reference>/settlements/", orders.Settlements.as_view()),
    path(
        "sellers/<uuid:seller_id>/orders/<path:order_reference>/settlements/reversal/",
        orders.SettlementReversals.as_view(),
    ),
    path("sellers/<uuid:seller_id>/orders/<path:order_reference>/refunds/", orders.Refunds.as_view()),
    path("loans/", lender.Loans.as_view()),
    path("loans/<uuid:loan_uuid>/", lender.OneLoan.as_view()),
    path("loans/<uuid:loan_uuid>/transactions/", lender.Transactions.as_view()),
    path("loans/<uuid:loan_uuid>/payoff/", lender.Payoff.as_view()),
    *servicing.act_urls(),
]
