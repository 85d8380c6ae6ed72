"""The shops of a story, told a second time for the oracle: when what is bought there posts, from which day on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from tests.properties.oracle_rules import Refused, a_year_after


@dataclass
class Shops:
    """One shop that posts at payment at first, one in escrow; and what was said of each, by the day from which it holds."""

    opened_on: date
    said: dict[bool, dict[date, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # That a shop posts at payment is what holds where nothing is said; of the one in escrow it was said on the first day.
        self.said = {False: {}, True: {self.opened_on: True}}

    def on_receipt(self, on: date, *, escrow: bool) -> bool:
        """Whether what is bought on a day waits until it comes."""
        holds = [day for day in self.said[escrow] if day <= on]
        return bool(holds) and self.said[escrow][max(holds)]

    def say(self, on: date, first_day: date, *, escrow: bool, on_receipt: bool) -> None:
        """From today, or a day within a year, purchases post otherwise, or as before; said once for each day."""
        if not on <= first_day <= a_year_after(on) or first_day in self.said[escrow]:
            raise Refused("date_refused")
        self.said[escrow][first_day] = on_receipt
