"""The borrower's loans."""

from __future__ import annotations

from django.urls import path

from lending.pages import borrowing, loan, orders, paying

urlpatterns = [
    path("loans/", borrowing.loans, name="loans"),
    path("loans/quote/", borrowing.quote, name="loan_quote"),
    path("loans/orders/", orders.orders, name="loan_orders"),
    path("loans/sign/", borrowing.sign, name="loan_sign"),
    path("loans/<uuid:loan_uuid>/", loan.loan, name="loan"),
    path("loans/<uuid:loan_uuid>/contract/", loan.contract, name="loan_contract"),
    path("loans/<uuid:loan_uuid>/send/", loan.send_money, name="loan_send"),
    path("loans/<uuid:loan_uuid>/give-up/", loan.give_up, name="loan_give_up"),
    path("loans/<uuid:loan_uuid>/payments/<int:number>/", loan.receipt, name="loan_receipt"),
    path("loans/<uuid:loan_uuid>/repay/", paying.repay, name="loan_repay"),
    path("loans/<uuid:loan_uuid>/prepay/", paying.prepay, name="loan_prepay"),
    path("loans/<uuid:loan_uuid>/payoff/", paying.payoff, name="loan_payoff"),
]
