"""The demonstration world: real or generated card histories, scored, lent to, and lived through for two months."""

from operations.demo.logins import passwords
from operations.demo.world import is_built, source, source_of

__all__ = ["is_built", "passwords", "source", "source_of"]
