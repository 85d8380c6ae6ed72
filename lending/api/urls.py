"""Addresses of the API of loans."""

from __future__ import annotations

from django.urls import path

from lending.api import borrower, lender

urlpatterns = [
    path("me/sources/", borrower.OwnSources.as_view()),
    path("me/loans/", borrower.OwnLoans.as_view()),
    path("me/loans/plans/", borrower.OwnPlans.as_view()),
    path("me/loans/quote/", borrower.OwnQuote.as_view()),
    path("me/loans/<uuid:loan_uuid>/", borrower.OwnLoan.as_view()),
    path("me/loans/<uuid:loan_uuid>/transactions/", borrower.OwnTransactions.as_view()),
    path("me/loans/<uuid:loan_uuid>/repayments/", borrower.OwnRepayments.as_view()),
    path("me/loans/<uuid:loan_uuid>/payoff/", borrower.OwnPayoff.as_view()),
    path("me/loans/<uuid:loan_uuid>/prepayment/", borrower.OwnPrepayment.as_view()),
    path("me/loans/<uuid:loan_uuid>/disbursement/", borrower.OwnDisbursement.as_view()),
    path("me/loans/<uuid:loan_uuid>/contract/", borrower.OwnContract.as_view()),
    path("me/loans/<uuid:loan_uuid>/give-up/", borrower.OwnCancellation.as_view()),
    path("loans/", lender.Loans.as_view()),
    path("loans/<uuid:loan_uuid>/", lender.OneLoan.as_view()),
    path("loans/<uuid:loan_uuid>/transactions/", lender.Transactions.as_view()),
    path("loans/<uuid:loan_uuid>/payoff/", lender.Payoff.as_view()),
    path("loans/<uuid:loan_uuid>/repayments/", lender.Repayments.as_view()),
]
