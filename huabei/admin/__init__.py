"""Lines in the console, down to every posting behind them. Nothing here writes."""

from huabei.admin import delinquency, instalments, lines, records, statements

__all__ = ["delinquency", "instalments", "lines", "records", "statements"]
