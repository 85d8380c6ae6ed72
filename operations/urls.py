"""The borrower's home page, which shows every product, and what is done from it."""

from __future__ import annotations

from django.urls import path

from operations import autopay_pages, instalment_pages, pages

urlpatterns = [
    path("line/<uuid:line_uuid>/instalments/", instalment_pages.instalments, name="instalments"),
    path(
        "line/<uuid:line_uuid>/instalments/quote/", instalment_pages.instalment_quote, name="instalment_quote"
    ),
    path("line/<uuid:line_uuid>/instalments/statement/", instalment_pages.spread, name="spread"),
    path("plans/<int:plan_id>/", instalment_pages.plan, name="plan"),
    path("plans/<int:plan_id>/payoff/", instalment_pages.payoff, name="payoff"),
    path("", pages.home, name="home"),
    path("line/apply/", pages.apply, name="apply"),
    path("line/decisions/<int:decision_id>/", pages.decision, name="decision"),
    path("line/<uuid:line_uuid>/repay/", pages.repay_line, name="repay"),
    path("repayments/<int:repayment_id>/", pages.repayment, name="repayment"),
    path("autopay/", autopay_pages.autopay, name="autopay"),
    path("autopay/amount/", autopay_pages.autopay_amount, name="autopay_amount"),
    path("autopay/sources/<uuid:source_uuid>/", autopay_pages.autopay_source, name="autopay_source"),
]
