"""The five categories of loans by days past due. Pure; the close says the same in SQL."""

from __future__ import annotations

from lending.models.loans import Classification

# From how many days past due. Source: DOMAIN, rules by lender type: any overdue, > 90, > 270, > 360.
FROM_DAYS = {
    Classification.NORMAL: 0,
    Classification.SPECIAL_MENTION: 1,
    Classification.SUBSTANDARD: 91,
    Classification.DOUBTFUL: 271,
    Classification.LOSS: 361,
}


def category(days_past_due: int) -> Classification:
    """The category of a loan that is so many days past due."""
    return max(each for each, days in FROM_DAYS.items() if days_past_due >= days)
