"""What writes loans: products, signing, disbursement, servicing. Everything that happens to a loan goes through `facts`."""
