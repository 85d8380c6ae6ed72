"""What the API offers across products: who is signed in, quotes, simulations."""
