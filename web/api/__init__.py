"""What every endpoint of the API shares: who may call it, how it is read and answered, how it is documented."""
