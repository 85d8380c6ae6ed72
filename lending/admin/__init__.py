"""Loans in the console, down to every posting behind them, and what staff may do about one: each act a service call."""

from lending.admin import loans, orders, products, records, sellers

__all__ = ["loans", "orders", "products", "records", "sellers"]
