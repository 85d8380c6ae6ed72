"""The proof of decisions on lines, what each says of its rules and of the line that it opened, and of the terms of lines."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.models import (
    ConsumerRule,
    DecisionReview,
    LimitBand,
    OpeningDecision,
    OpeningPolicy,
    ReviewVerdict,
    Terms,
)
from ledger.audit import Check, guards

_REASONS = """
SELECT 'huabei_openingdecision', decision.id::text, array_to_string(failed.rules, ','),
       array_to_string(decision.reasons, ',')
FROM huabei_openingdecision AS decision
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(each.rule ->> 'rule' ORDER BY each.n), '{}') AS rules
    FROM jsonb_array_elements(decision.rules) WITH ORDINALITY AS each (rule, n)
    WHERE each.rule ->> 'outcome' = 'failed'
) AS failed
WHERE failed.rules <> decision.reasons::text[]
"""

# What was granted then, whatever the limit is by now.
_GRANTED = """
SELECT 'huabei_openingdecision', decision.id::text, format('%%s fen granted', decision.limit_fen),
       CASE WHEN transfer.id IS NOT NULL THEN format('%%s fen granted', transfer.amount_fen) END
FROM huabei_openingdecision AS decision
JOIN huabei_line AS line ON line.id = decision.line_id
LEFT JOIN ledger_entry AS entry
    ON entry.reference = 'line:' || line.id || ':granted' AND entry.booked_on = decision.decided_on
LEFT JOIN ledger_transfer AS transfer
    ON transfer.entry_id = entry.id AND transfer.credit_account_id = line.commitment_account_id
WHERE transfer.amount_fen IS DISTINCT FROM decision.limit_fen
"""

_FACTS = (ConsumerRule, OpeningPolicy, LimitBand, OpeningDecision, DecisionReview, ReviewVerdict)

CHECKS: tuple[Check, ...] = (
    Check(
        "opening_reasons",
        _("The reasons of a decision on a line are the rules that failed, all of them."),
        "huabei_openingdecision",
        _REASONS,
    ),
    Check(
        "opening_granted",
        _("A line that a decision opened was granted, on that day, what the decision says."),
        "huabei_openingdecision WHERE line_id IS NOT NULL",
        _GRANTED,
    ),
    guards(
        "opening_guards",
        models=_FACTS,
        facts=_FACTS,
        triggers=(
            *(f"{model._meta.db_table}_is_append_only" for model in _FACTS),
            *(f"{model._meta.db_table}_is_not_truncated" for model in _FACTS),
            "huabei_openingpolicy_has_bands",
            "huabei_limitband_in_order",
            "huabei_openingpolicy_not_behind",
            "huabei_consumerrule_not_behind",
            "huabei_openingdecision_is_right",
            "huabei_decisionreview_is_right",
            "huabei_reviewverdict_is_right",
        ),
    ),
    guards(
        "terms_guards",
        models=(Terms,),
        facts=(Terms,),
        triggers=(
            "huabei_terms_is_append_only",
            "huabei_terms_is_not_truncated",
            "huabei_terms_not_behind",
        ),
    ),
)
