"""The proof of lateness: its stretches hang together; PostgreSQL guards them, their rules and what went ahead of a close."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.models import Arrears, Classification, ClassificationBand, MadeUp, ReminderDay, StepAhead
from ledger.audit import Check, guards

_ARREARS = """
SELECT 'huabei_arrears', arrears.id::text, format('a stretch that ends on %%s', arrears.since),
       format('late since %%s', arrears.began_on)
FROM huabei_arrears AS arrears
WHERE arrears.since <> arrears.began_on
  AND NOT EXISTS (SELECT FROM huabei_arrears AS before WHERE before.line_id = arrears.line_id
                  AND before.began_on = arrears.began_on AND before.until = arrears.since)
UNION ALL
SELECT 'huabei_classification', classification.id::text, 'late', 'not late'
FROM huabei_classification AS classification
WHERE classification.until IS NULL
  AND NOT EXISTS (SELECT FROM huabei_arrears AS arrears
                  WHERE arrears.line_id = classification.line_id AND arrears.until IS NULL)
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "line_arrears",
        _("Lateness has no gaps within an episode, and a line that is classified is late."),
        "huabei_arrears",
        _ARREARS,
    ),
    guards(
        "delinquency_guards",
        models=(Arrears, Classification, ClassificationBand, ReminderDay),
        facts=(ClassificationBand, ReminderDay),
        triggers=(
            "huabei_arrears_is_not_deleted",
            "huabei_arrears_is_not_truncated",
            "huabei_arrears_only_ends",
            "huabei_classification_is_not_deleted",
            "huabei_classification_is_not_truncated",
            "huabei_classification_only_ends",
            "huabei_classificationband_is_append_only",
            "huabei_classificationband_is_not_truncated",
            "huabei_reminderday_is_append_only",
            "huabei_reminderday_is_not_truncated",
        ),
    ),
    guards(
        "line_close_guards",
        models=(MadeUp, StepAhead),
        facts=(MadeUp,),
        triggers=("huabei_madeup_is_append_only", "huabei_madeup_is_not_truncated"),
    ),
)
