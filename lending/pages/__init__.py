"""The borrower's loans: what they would cost, signing, what is due, repaying. Each sees and does of their own loans only."""
