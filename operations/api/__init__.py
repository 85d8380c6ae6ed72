"""What the API offers across products: applying, quotes, simulations."""
