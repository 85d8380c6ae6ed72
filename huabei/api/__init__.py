"""Credit lines over the API: for shops, for borrowers, for the lender's own systems."""
