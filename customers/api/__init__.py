"""A borrower's notices over the API."""
