"""Customers in the console: who they are, what they allowed, what they were told and how it reached them."""

from customers.admin import api_keys, notices, people

__all__ = ["api_keys", "notices", "people"]
