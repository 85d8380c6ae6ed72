"""Django's PostgreSQL backend for the project's own server; see `base`."""
