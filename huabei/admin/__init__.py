"""Lines in the console, down to every posting behind them, and what staff may do about them: each act a service call."""

from huabei.admin import (
    bulk,
    campaigns,
    changes,
    delinquency,
    hearings,
    instalments,
    lines,
    merchants,
    opening,
    records,
    settlements,
    statements,
    terms,
)

__all__ = [
    "bulk",
    "campaigns",
    "changes",
    "delinquency",
    "hearings",
    "instalments",
    "lines",
    "merchants",
    "opening",
    "records",
    "settlements",
    "statements",
    "terms",
]
