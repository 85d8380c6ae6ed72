"""The borrower's statements, and a shop's own pages."""

from __future__ import annotations

from django.urls import path

from huabei import merchant_pages, pages

urlpatterns = [
    path("statements/", pages.statements, name="statements"),
    path("statements/<int:statement_id>/", pages.statement, name="statement"),
    path("statements/<int:statement_id>/document/", pages.statement_document, name="statement_document"),
    path("shop/", merchant_pages.orders, name="merchant_orders"),
    path("shop/orders/<int:purchase_id>/", merchant_pages.order, name="merchant_order"),
    path("shop/orders/<int:purchase_id>/charge/", merchant_pages.order_capture, name="merchant_capture"),
    path("shop/orders/<int:purchase_id>/release/", merchant_pages.order_void, name="merchant_void"),
    path("shop/orders/<int:purchase_id>/refund/", merchant_pages.order_refund, name="merchant_refund"),
    path("shop/settlements/", merchant_pages.settlements, name="merchant_settlements"),
    path("shop/settlements/<int:settlement_id>/", merchant_pages.settlement, name="merchant_settlement"),
]
