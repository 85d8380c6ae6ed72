"""The product's telling of a story: on the real services, in a transaction that is rolled back."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from huabei.models import InstalmentOption, InstalmentTerms, MerchantTerms, ShareTerms, Terms
from operations.services.line_story import parse_story
from operations.services.simulation import simulate
from tests.properties.line_stories import NEW_RULES, NEW_TERMS_FROM, Story, told_by_oracle


def change_terms() -> None:
    """Other rates, another share, shorter holds and less time to confirm a receipt from one day on."""
    Terms.objects.create(
        effective_from=NEW_TERMS_FROM,
        revolving_daily_rate="0.0004",
        penalty_daily_rate="0.00075",
        minimum_due_share="0.15",
        hold_days=NEW_RULES.hold_days,
        allocation=" ".join(NEW_RULES.order),
    )
    MerchantTerms.objects.create(effective_from=NEW_TERMS_FROM, receipt_days=NEW_RULES.receipt_days)
    ShareTerms.objects.create(
        effective_from=NEW_TERMS_FROM,
        smallest_cap_fen=NEW_RULES.smallest_cap,
        largest_cap_fen=NEW_RULES.largest_cap,
    )
    terms = InstalmentTerms.objects.create(
        effective_from=NEW_TERMS_FROM,
        early_payoff="fees_waived",
        smallest_statement_plan_fen=NEW_RULES.smallest_plan,
    )
    for periods, rate in NEW_RULES.fees.items():
        fee_rate = Decimal(rate.numerator) / rate.denominator
        InstalmentOption.objects.create(terms=terms, periods=periods, fee_rate=fee_rate)


def told_by_product(story: Story) -> dict[str, Any]:
    """What the simulator says of a story; a refusal without its message."""
    ending = simulate(parse_story(json.dumps(story)))
    return ending | {"refused": [(refusal["event"], refusal["code"]) for refusal in ending["refused"]]}


def told_otherwise(story: Story) -> str:
    """What the product says otherwise than the oracle, if anything."""
    return differences(told_by_product(story), told_by_oracle(story))


def differences(product: dict[str, Any], oracle: dict[str, Any]) -> str:
    """Where the two tell otherwise, in words; nothing where they agree."""
    return "; ".join(
        f"{name}: {product.get(name)}, and the oracle says {oracle.get(name)}"
        for name in {**oracle, **product}
        if product.get(name) != oracle.get(name)
    )
