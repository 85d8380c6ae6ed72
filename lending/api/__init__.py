"""The API of loans: what they cost, signing, where each stands, repaying."""
