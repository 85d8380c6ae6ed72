"""Customers in the console: who they are, what they allowed, what they were told and how it reached them."""

from customers.admin import notices, people

__all__ = ["notices", "people"]
