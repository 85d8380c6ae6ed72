"""Lines in the console, down to every posting behind them. Nothing here writes."""

from huabei.admin import delinquency, lines, records

__all__ = ["delinquency", "lines", "records"]
