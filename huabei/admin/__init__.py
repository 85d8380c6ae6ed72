"""Lines in the console, down to every posting behind them, and what staff may do about them: each act a service call."""

from huabei.admin import (
    bulk,
    campaigns,
    changes,
    delinquency,
    instalments,
    lines,
    merchants,
    opening,
    records,
    settlements,
    statements,
)

__all__ = [
    "bulk",
    "campaigns",
    "changes",
    "delinquency",
    "instalments",
    "lines",
    "merchants",
    "opening",
    "records",
    "settlements",
    "statements",
]
