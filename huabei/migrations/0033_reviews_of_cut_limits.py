"""A person may look again at a limit that was cut, as at a refusal."""

from datetime import date

import django.db.models.deletion
from django.db import migrations, models

GUARDS = """
-- What is reviewed was refused, or is a limit that the lender cut.
CREATE OR REPLACE FUNCTION huabei_check_review() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.decision_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM huabei_openingdecision
        WHERE id = NEW.decision_id AND outcome = 'refused' AND decided_on <= NEW.asked_on
    ) THEN
        PERFORM huabei_refuse_row('decision_review_of_a_refusal', TG_TABLE_NAME);
    END IF;
    IF NEW.limit_change_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM huabei_limitchange
        WHERE id = NEW.limit_change_id AND kind = 'set' AND after_fen < before_fen AND "by" <> 'customer'
          AND changed_on <= NEW.asked_on
    ) THEN
        PERFORM huabei_refuse_row('decision_review_of_a_cut', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
-- A verdict that overturns a refusal names the decision of the same person that says so; one that gives a limit back, the
-- change of the same line and day, by the same member of staff, that gives back no more than was cut.
CREATE OR REPLACE FUNCTION huabei_check_verdict() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.opened_by_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM huabei_openingdecision AS opened JOIN huabei_decisionreview AS review ON review.id = NEW.review_id
        WHERE opened.id = NEW.opened_by_id AND opened.overturns_id = review.decision_id
          AND opened.decided_on = NEW.decided_on
    ) THEN
        PERFORM huabei_refuse_row('review_verdict_of_its_decision', TG_TABLE_NAME);
    END IF;
    IF NEW.restored_by_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM huabei_limitchange AS restored
        JOIN huabei_decisionreview AS review ON review.id = NEW.review_id
        JOIN huabei_limitchange AS cut ON cut.id = review.limit_change_id
        WHERE restored.id = NEW.restored_by_id AND restored.line_id = cut.line_id AND restored.id > cut.id
          AND restored.changed_on = NEW.decided_on AND restored."by" = NEW."by" AND restored.kind = 'set'
          AND restored.after_fen > restored.before_fen
          AND restored.after_fen - restored.before_fen <= cut.before_fen - cut.after_fen
    ) THEN
        PERFORM huabei_refuse_row('review_verdict_gives_back_its_cut', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
"""


def one_more_cause(apps, schema_editor):
    apps.get_model('huabei', 'Cause').objects.create(
        concern='limit',
        code='looked_again',
        name='a person looked at it again',
        name_zh='人工复核',
        by_staff=True,
        by_customer=False,
        effective_from=date(2000, 1, 1),
    )


def reviewed(to, name, **options):
    return models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name=name, to=to, **options)


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0032_shared_months_by_person'),
    ]

    operations = [
        migrations.AlterField(
            'decisionreview', 'decision', reviewed('huabei.openingdecision', 'review', verbose_name='decision')
        ),
        migrations.AddField(
            'decisionreview', 'limit_change', reviewed('huabei.limitchange', 'review', verbose_name='change of a limit')
        ),
        migrations.AddField(
            'reviewverdict', 'restored_by', reviewed('huabei.limitchange', 'verdict', verbose_name='limit given back by')
        ),
        migrations.AddConstraint(
            'decisionreview',
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(('decision__isnull', False), ('limit_change__isnull', True)),
                    models.Q(('decision__isnull', True), ('limit_change__isnull', False)),
                    _connector='OR',
                ),
                name='decision_review_of_one_thing',
            ),
        ),
        migrations.RemoveConstraint('reviewverdict', 'review_verdict_opens_or_upholds'),
        migrations.AddConstraint(
            'reviewverdict',
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(('opened_by__isnull', True), ('outcome', 'upheld'), ('restored_by__isnull', True)),
                    models.Q(('opened_by__isnull', False), ('outcome', 'overturned'), ('restored_by__isnull', True)),
                    models.Q(('opened_by__isnull', True), ('outcome', 'overturned'), ('restored_by__isnull', False)),
                    _connector='OR',
                ),
                name='review_verdict_opens_or_upholds',
            ),
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
        migrations.RunPython(one_more_cause, migrations.RunPython.noop),
    ]
