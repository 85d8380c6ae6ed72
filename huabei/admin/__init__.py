"""Lines in the console, down to every posting behind them. Nothing here writes."""

from huabei.admin import lines, records

__all__ = ["lines", "records"]
