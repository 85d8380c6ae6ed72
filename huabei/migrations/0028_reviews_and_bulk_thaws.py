"""A person may look at a refusal again, and freezes of many lines are ended as an act of its own; with their guards."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from ledger.guards import append_only

GUARDS = append_only("huabei_decisionreview", "huabei_reviewverdict", "huabei_bulkthaw") + """
-- What is reviewed was refused; a verdict that overturns it is of the same person, and names the decision that says so.
CREATE FUNCTION huabei_check_review() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM huabei_openingdecision WHERE id = NEW.decision_id AND outcome = 'refused'
                   AND decided_on <= NEW.asked_on) THEN
        PERFORM huabei_refuse_row('decision_review_of_a_refusal', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER huabei_decisionreview_is_right BEFORE INSERT ON huabei_decisionreview
    FOR EACH ROW EXECUTE FUNCTION huabei_check_review();
CREATE FUNCTION huabei_check_verdict() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.opened_by_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM huabei_openingdecision AS opened JOIN huabei_decisionreview AS review ON review.id = NEW.review_id
        WHERE opened.id = NEW.opened_by_id AND opened.overturns_id = review.decision_id
          AND opened.decided_on = NEW.decided_on
    ) THEN
        PERFORM huabei_refuse_row('review_verdict_of_its_decision', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER huabei_reviewverdict_is_right BEFORE INSERT ON huabei_reviewverdict
    FOR EACH ROW EXECUTE FUNCTION huabei_check_verdict();

-- As before, but that a person who looked at a refusal of the same customer again may set aside what the policy says of score
-- and exposure: never what the law says, nor the policy's limits, nor what is late.
CREATE OR REPLACE FUNCTION huabei_check_decision() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    policy huabei_openingpolicy;
    rule huabei_consumerrule;
BEGIN
    SELECT * INTO policy FROM huabei_openingpolicy WHERE effective_from <= NEW.decided_on
        ORDER BY effective_from DESC LIMIT 1;
    SELECT * INTO rule FROM huabei_consumerrule
        WHERE lender_type = policy.lender_type AND effective_from <= NEW.decided_on ORDER BY effective_from DESC LIMIT 1;
    IF (policy.id, rule.id) IS DISTINCT FROM (NEW.policy_id, NEW.consumer_rule_id) THEN
        PERFORM huabei_refuse_row('opening_decision_by_what_is_in_force', TG_TABLE_NAME);
    END IF;
    IF NEW.score_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM creditscore_score AS score
        WHERE score.id = NEW.score_id AND score.customer_id = NEW.customer_id AND score.published_on = NEW.scored_on
          AND score.model_id = NEW.model_id AND score.points IS NOT DISTINCT FROM NEW.score
    ) THEN
        PERFORM huabei_refuse_row('opening_decision_on_a_published_score', TG_TABLE_NAME);
    END IF;
    IF NEW.overturns_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM huabei_decisionreview AS review JOIN huabei_openingdecision AS refused ON refused.id = review.decision_id
        WHERE refused.id = NEW.overturns_id AND refused.customer_id = NEW.customer_id AND NEW.outcome = 'granted'
    ) THEN
        PERFORM huabei_refuse_row('opening_decision_overturns_what_was_reviewed', TG_TABLE_NAME);
    END IF;
    IF NEW.outcome <> 'granted' THEN
        RETURN NEW;
    END IF;
    IF NOT coalesce(
        NEW.limit_fen BETWEEN policy.minimum_limit_fen AND policy.maximum_limit_fen AND NEW.overdue_fen = 0
        AND NEW.consumer_exposure_fen + NEW.limit_fen <= rule.consumer_cap_fen
        AND (NEW.overturns_id IS NOT NULL OR NEW.limit_fen <= NEW.earned_fen AND NEW.score >= policy.minimum_score
             AND NEW.scored_on > NEW.decided_on - policy.score_days
             AND NEW.exposure_fen + NEW.limit_fen <= policy.maximum_exposure_fen), false
    ) THEN
        PERFORM huabei_refuse_row('opening_decision_within_its_policy', TG_TABLE_NAME);
    END IF;
    IF NOT EXISTS (
        SELECT FROM customers_customer AS customer
        WHERE customer.id = NEW.customer_id AND customer.identity_verified_on <= NEW.decided_on
          AND extract(year FROM age(NEW.decided_on, customer.born_on)) >= policy.minimum_age
          AND (rule.students_admitted OR NOT customer.is_student)
    ) THEN
        PERFORM huabei_refuse_row('opening_decision_for_whom_it_may_be', TG_TABLE_NAME);
    END IF;
    IF NOT EXISTS (
        SELECT FROM huabei_line AS line
        WHERE line.id = NEW.line_id AND line.customer_id = NEW.customer_id AND line.opened_on = NEW.decided_on
          AND line.limit_fen = NEW.limit_fen AND line.score IS NOT DISTINCT FROM NEW.score
          AND line.statement_day = NEW.statement_day
    ) THEN
        PERFORM huabei_refuse_row('opening_decision_of_the_line_it_opened', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0027_published_figures'),
    ]

    operations = [
        migrations.CreateModel(
            name='DecisionReview',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('asked_on', models.DateField(verbose_name='asked on')),
                ('statement', models.CharField(blank=True, max_length=1000, verbose_name='what the applicant says')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
            ],
            options={
                'verbose_name': 'review by a person',
                'verbose_name_plural': 'reviews by a person',
                'permissions': [('decide_review', 'Can decide reviews of decisions on lines')],
            },
        ),
        migrations.CreateModel(
            name='ReviewVerdict',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('outcome', models.CharField(choices=[('upheld', 'upheld'), ('overturned', 'overturned')], max_length=10, verbose_name='outcome')),
                ('decided_on', models.DateField(verbose_name='decided on')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
            ],
            options={
                'verbose_name': 'verdict on a review',
                'verbose_name_plural': 'verdicts on reviews',
            },
        ),
        migrations.AddField(
            model_name='openingdecision',
            name='overturns',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='overturned_by', to='huabei.openingdecision', verbose_name='overturns the decision'),
        ),
        migrations.CreateModel(
            name='BulkThaw',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause', models.CharField(max_length=24, verbose_name='cause')),
                ('by', models.CharField(max_length=24, verbose_name='by')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
                ('freeze_cause', models.CharField(max_length=24, verbose_name='cause of the freezes')),
                ('asked', models.IntegerField(verbose_name='lines asked for')),
                ('thawed_on', models.DateField(verbose_name='ended on')),
            ],
            options={
                'verbose_name': 'end of many freezes',
                'verbose_name_plural': 'ends of many freezes',
                'constraints': [models.UniqueConstraint(fields=('reference',), name='bulk_thaw_once_per_reference'), models.CheckConstraint(condition=models.Q(('asked__gte', 1)), name='bulk_thaw_asks_for_lines')],
            },
        ),
        migrations.AddField(
            model_name='freeze',
            name='bulk_thaw',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='freezes', to='huabei.bulkthaw', verbose_name='ended together with others by'),
        ),
        migrations.AddIndex(
            model_name='freeze',
            index=models.Index(condition=models.Q(('bulk_thaw__isnull', False)), fields=['bulk_thaw'], name='freeze_of_bulk_thaw'),
        ),
        migrations.AddField(
            model_name='decisionreview',
            name='decision',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='review', to='huabei.openingdecision', verbose_name='decision'),
        ),
        migrations.AddField(
            model_name='reviewverdict',
            name='opened_by',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='verdict', to='huabei.openingdecision', verbose_name='new decision'),
        ),
        migrations.AddField(
            model_name='reviewverdict',
            name='review',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='verdict', to='huabei.decisionreview', verbose_name='review'),
        ),
        migrations.AddConstraint(
            model_name='reviewverdict',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('opened_by__isnull', True), ('outcome', 'upheld')), models.Q(('opened_by__isnull', False), ('outcome', 'overturned')), _connector='OR'), name='review_verdict_opens_or_upholds'),
        ),
        migrations.AddConstraint(
            model_name='reviewverdict',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('by', ''), _negated=True), models.Q(('reason', ''), _negated=True)), name='review_verdict_says_who_and_why'),
        ),
        migrations.AddConstraint(
            model_name='freeze',
            constraint=models.CheckConstraint(condition=models.Q(('bulk_thaw__isnull', True), ('thawed_on__isnull', False), _connector='OR'), name='freeze_ended_by_an_act_has_ended'),
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
