"""The borrower's line and statements, and a shop's own pages."""

from __future__ import annotations

from django.urls import path

from huabei import credit_pages, hearing_pages, line_pages, merchant_pages, pages, purchase_pages, share_pages

urlpatterns = [
    path("line/", line_pages.line, name="line"),
    path("line/statement-day/", line_pages.statement_day, name="statement_day"),
    path("line/freeze/", line_pages.freeze_line, name="freeze_line"),
    path("line/freezes/<int:freeze_id>/end/", line_pages.thaw_line, name="thaw_line"),
    path("line/close/", line_pages.close_line, name="close_line"),
    path("credit/", credit_pages.credit, name="credit"),
    path("shared/", share_pages.shared_lines, name="shared_lines"),
    path(
        "shared/invitations/<uuid:invitation_uuid>/withdraw/",
        share_pages.withdraw,
        name="withdraw_invitation",
    ),
    path("shared/<uuid:share_uuid>/", share_pages.shared_line, name="shared_line"),
    path("shared/<uuid:share_uuid>/cap/", share_pages.cap, name="share_cap"),
    path("shared/<uuid:share_uuid>/accept/", share_pages.accept_share, name="accept_share"),
    path("shared/<uuid:share_uuid>/end/", share_pages.end_share, name="end_share"),
    path("line/decisions/<int:decision_id>/review/", hearing_pages.review, name="review_decision"),
    path("line/limit-changes/<int:change_id>/", hearing_pages.limit_change, name="limit_change"),
    path("line/limit-changes/<int:change_id>/review/", hearing_pages.review_limit, name="review_limit"),
    path("purchases/", purchase_pages.purchases, name="purchases"),
    path("purchases/<int:purchase_id>/", purchase_pages.purchase, name="purchase"),
    path("purchases/<int:purchase_id>/receipt/", purchase_pages.confirm, name="confirm_receipt"),
    path("statements/", pages.statements, name="statements"),
    path("statements/<int:statement_id>/", pages.statement, name="statement"),
    path("statements/<int:statement_id>/document/", pages.statement_document, name="statement_document"),
    path("shop/", merchant_pages.orders, name="merchant_orders"),
    path("shop/orders/<int:purchase_id>/", merchant_pages.order, name="merchant_order"),
    path("shop/orders/<int:purchase_id>/charge/", merchant_pages.order_capture, name="merchant_capture"),
    path("shop/orders/<int:purchase_id>/release/", merchant_pages.order_void, name="merchant_void"),
    path("shop/orders/<int:purchase_id>/refund/", merchant_pages.order_refund, name="merchant_refund"),
    path("shop/campaigns/", merchant_pages.campaigns, name="merchant_campaigns"),
    path("shop/settlements/", merchant_pages.settlements, name="merchant_settlements"),
    path("shop/settlements/<int:settlement_id>/", merchant_pages.settlement, name="merchant_settlement"),
]
