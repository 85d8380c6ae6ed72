"""The demonstration world: real or generated card histories, scored, lent to, and lived through for two months."""

from operations.demo.world import is_built

__all__ = ["is_built"]
