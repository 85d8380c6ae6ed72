"""The policy that opens lines is dated rows of its own, the law's rules too; every decision by it is kept. With their guards."""

from datetime import date

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from ledger.guards import append_only

# Source: DOMAIN, rules by lender type: lender, from, most to one consumer, whether students are admitted.
RULES = (
    ("microlender", date(2000, 1, 1), 200_000_00, True),
    ("microlender", date(2021, 3, 17), 200_000_00, False),
    ("bank", date(2000, 1, 1), 200_000_00, True),
    ("bank", date(2025, 3, 1), 300_000_00, True),
)

MOVED = ("minimum_age", "minimum_score", "minimum_limit_fen", "maximum_limit_fen", "maximum_exposure_fen")


def first_policies(apps, schema_editor):
    rules, policies = apps.get_model("huabei", "ConsumerRule"), apps.get_model("huabei", "OpeningPolicy")
    for lender_type, effective_from, cap_fen, students in RULES:
        rules.objects.create(
            lender_type=lender_type, effective_from=effective_from, consumer_cap_fen=cap_fen, students_admitted=students,
        )
    for terms in apps.get_model("huabei", "Terms").objects.order_by("effective_from"):
        if terms.bands.exists():
            figures = {name: getattr(terms, name) for name in MOVED}
            policy = policies.objects.create(effective_from=terms.effective_from, **figures)
            terms.bands.update(policy=policy)
    # What waits for the end of the transaction would keep the tables from being changed.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


# Reviews went by the figures that were in force on their day.
REVIEWS = """
ALTER TABLE huabei_limitreview DISABLE TRIGGER USER;
UPDATE huabei_limitreview AS review SET policy_id = policy.id, consumer_rule_id = (
    SELECT id FROM huabei_consumerrule AS rule
    WHERE rule.lender_type = policy.lender_type AND rule.effective_from <= review.reviewed_on
    ORDER BY rule.effective_from DESC LIMIT 1)
FROM huabei_openingpolicy AS policy
WHERE policy.id = (SELECT id FROM huabei_openingpolicy WHERE effective_from <= review.reviewed_on
                   ORDER BY effective_from DESC LIMIT 1);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
ALTER TABLE huabei_limitreview ENABLE TRIGGER USER;
"""

FACTS = ("huabei_consumerrule", "huabei_openingpolicy", "huabei_limitband", "huabei_openingdecision")

GUARDS = append_only(*FACTS) + """
CREATE FUNCTION huabei_refuse_row(named text, on_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'new row for "%" violates "%"', on_table, named
        USING ERRCODE = 'check_violation', CONSTRAINT = named, TABLE = on_table;
END $$;

-- A policy has a band for its lowest score, and every band a limit that it allows; a better score never earns less.
CREATE FUNCTION huabei_check_bands() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    version bigint;
BEGIN
    IF TG_TABLE_NAME = 'huabei_openingpolicy' THEN
        version := NEW.id;
    ELSE
        version := NEW.policy_id;
    END IF;
    IF NOT EXISTS (
        SELECT FROM huabei_limitband AS band JOIN huabei_openingpolicy AS policy ON policy.id = band.policy_id
        WHERE policy.id = version AND band.score_from <= policy.minimum_score
    ) OR EXISTS (
        SELECT FROM huabei_limitband AS band JOIN huabei_openingpolicy AS policy ON policy.id = band.policy_id
        WHERE policy.id = version AND band.limit_fen NOT BETWEEN policy.minimum_limit_fen AND policy.maximum_limit_fen
    ) OR EXISTS (
        SELECT FROM huabei_limitband AS lower JOIN huabei_limitband AS higher USING (policy_id)
        WHERE policy_id = version AND higher.score_from > lower.score_from AND higher.limit_fen < lower.limit_fen
    ) THEN
        PERFORM huabei_refuse_row('opening_policy_bands_in_order', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER huabei_openingpolicy_has_bands AFTER INSERT ON huabei_openingpolicy
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION huabei_check_bands();
CREATE CONSTRAINT TRIGGER huabei_limitband_in_order AFTER INSERT ON huabei_limitband
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION huabei_check_bands();

-- What was decided by the figures of a day cannot have been decided by others.
CREATE FUNCTION huabei_check_not_behind() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM huabei_openingdecision WHERE decided_on >= NEW.effective_from)
       OR EXISTS (SELECT FROM huabei_limitreview WHERE reviewed_on >= NEW.effective_from) THEN
        PERFORM huabei_refuse_row('opening_policy_not_behind_decisions', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER huabei_openingpolicy_not_behind BEFORE INSERT ON huabei_openingpolicy
    FOR EACH ROW EXECUTE FUNCTION huabei_check_not_behind();
CREATE TRIGGER huabei_consumerrule_not_behind BEFORE INSERT ON huabei_consumerrule
    FOR EACH ROW EXECUTE FUNCTION huabei_check_not_behind();

-- A decision is by what was in force, on the score that was published; a grant lies within both and is of the line it opened.
CREATE FUNCTION huabei_check_decision() RETURNS trigger LANGUAGE plpgsql
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
    IF NEW.outcome <> 'granted' THEN
        RETURN NEW;
    END IF;
    IF NOT coalesce(
        NEW.limit_fen BETWEEN policy.minimum_limit_fen AND least(policy.maximum_limit_fen, NEW.earned_fen)
        AND NEW.score >= policy.minimum_score AND NEW.scored_on > NEW.decided_on - policy.score_days
        AND NEW.overdue_fen = 0 AND NEW.exposure_fen + NEW.limit_fen <= policy.maximum_exposure_fen
        AND NEW.consumer_exposure_fen + NEW.limit_fen <= rule.consumer_cap_fen, false
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
          AND line.limit_fen = NEW.limit_fen AND line.score = NEW.score AND line.statement_day = NEW.statement_day
    ) THEN
        PERFORM huabei_refuse_row('opening_decision_of_the_line_it_opened', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER huabei_openingdecision_is_right BEFORE INSERT ON huabei_openingdecision
    FOR EACH ROW EXECUTE FUNCTION huabei_check_decision();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('creditscore', '0002_guards_and_first_calendar'),
        ('customers', '0005_shop_logins'),
        ('huabei', '0020_fees_returned_to_merchants'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConsumerRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lender_type', models.CharField(choices=[('microlender', 'microlender'), ('bank', 'bank')], max_length=12, verbose_name='lender')),
                ('effective_from', models.DateField(verbose_name='effective from')),
                ('consumer_cap_fen', models.BigIntegerField(verbose_name='most to one consumer')),
                ('students_admitted', models.BooleanField(verbose_name='students admitted')),
            ],
            options={
                'verbose_name': 'rule on consumer credit',
                'verbose_name_plural': 'rules on consumer credit',
                'ordering': ['lender_type', '-effective_from'],
            },
        ),
        migrations.CreateModel(
            name='OpeningPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('effective_from', models.DateField(unique=True, verbose_name='effective from')),
                ('lender_type', models.CharField(choices=[('microlender', 'microlender'), ('bank', 'bank')], default='microlender', max_length=12, verbose_name='lender')),
                ('minimum_age', models.SmallIntegerField(default=18, verbose_name='minimum age')),
                ('minimum_score', models.SmallIntegerField(default=600, verbose_name='minimum score')),
                ('score_days', models.SmallIntegerField(default=35, verbose_name='days a score counts')),
                ('minimum_limit_fen', models.BigIntegerField(default=50000, verbose_name='smallest limit')),
                ('maximum_limit_fen', models.BigIntegerField(default=5000000, verbose_name='largest limit')),
                ('maximum_exposure_fen', models.BigIntegerField(default=20000000, verbose_name='largest exposure to one person')),
            ],
            options={
                'verbose_name': 'opening policy',
                'verbose_name_plural': 'opening policies',
                'ordering': ['-effective_from'],
            },
        ),
        migrations.AddConstraint(
            model_name='consumerrule',
            constraint=models.UniqueConstraint(fields=('lender_type', 'effective_from'), name='consumer_rule_once_per_day'),
        ),
        migrations.AddConstraint(
            model_name='consumerrule',
            constraint=models.CheckConstraint(condition=models.Q(('consumer_cap_fen__range', (1, 1000000000000)), ('lender_type__in', ['microlender', 'bank'])), name='consumer_rule_sensible'),
        ),
        migrations.AddConstraint(
            model_name='openingpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('lender_type__in', ['microlender', 'bank'])), name='opening_policy_lender_known'),
        ),
        migrations.AddConstraint(
            model_name='openingpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('minimum_age__range', (18, 120)), ('minimum_score__range', (350, 950)), ('score_days__range', (1, 366))), name='opening_policy_person_sensible'),
        ),
        migrations.AddConstraint(
            model_name='openingpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('maximum_exposure_fen__gte', models.F('maximum_limit_fen')), ('maximum_exposure_fen__lte', 1000000000000), ('maximum_limit_fen__gte', models.F('minimum_limit_fen')), ('minimum_limit_fen__gt', 0)), name='opening_policy_amounts_in_order'),
        ),
        migrations.AddField(
            model_name='limitband',
            name='policy',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bands', to='huabei.openingpolicy'),
        ),
        migrations.RunPython(first_policies, migrations.RunPython.noop),
        migrations.RemoveConstraint(
            model_name='limitband',
            name='limit_band_once_per_score',
        ),
        migrations.RemoveConstraint(
            model_name='limitband',
            name='limit_band_positive',
        ),
        migrations.RemoveField(
            model_name='limitband',
            name='terms',
        ),
        migrations.AlterField(
            model_name='limitband',
            name='policy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bands', to='huabei.openingpolicy'),
        ),
        migrations.AddConstraint(
            model_name='limitband',
            constraint=models.UniqueConstraint(fields=('policy', 'score_from'), name='limit_band_once_per_score'),
        ),
        migrations.AddConstraint(
            model_name='limitband',
            constraint=models.CheckConstraint(condition=models.Q(('limit_fen__gt', 0), ('score_from__range', (350, 950))), name='limit_band_positive'),
        ),
        migrations.RemoveConstraint(
            model_name='terms',
            name='terms_limits_in_order',
        ),
        migrations.RemoveConstraint(
            model_name='terms',
            name='terms_score_in_range',
        ),
        migrations.RemoveField(
            model_name='terms',
            name='maximum_exposure_fen',
        ),
        migrations.RemoveField(
            model_name='terms',
            name='maximum_limit_fen',
        ),
        migrations.RemoveField(
            model_name='terms',
            name='minimum_age',
        ),
        migrations.RemoveField(
            model_name='terms',
            name='minimum_limit_fen',
        ),
        migrations.RemoveField(
            model_name='terms',
            name='minimum_score',
        ),
        migrations.RemoveField(
            model_name='terms',
            name='students_admitted',
        ),
        migrations.AddField(
            model_name='limitreview',
            name='consumer_exposure_fen',
            field=models.BigIntegerField(null=True, verbose_name='of it to a consumer'),
        ),
        migrations.AddField(
            model_name='limitreview',
            name='exposure_fen',
            field=models.BigIntegerField(null=True, verbose_name='exposure'),
        ),
        migrations.AddField(
            model_name='limitreview',
            name='consumer_rule',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='huabei.consumerrule', verbose_name='rule on consumer credit'),
        ),
        migrations.AddField(
            model_name='limitreview',
            name='policy',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='huabei.openingpolicy', verbose_name='opening policy'),
        ),
        migrations.RunSQL(REVIEWS),
        migrations.AlterField(
            model_name='limitreview',
            name='consumer_rule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='huabei.consumerrule', verbose_name='rule on consumer credit'),
        ),
        migrations.AlterField(
            model_name='limitreview',
            name='policy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='huabei.openingpolicy', verbose_name='opening policy'),
        ),
        migrations.CreateModel(
            name='OpeningDecision',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('reference', models.CharField(max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32)),
                ('decided_on', models.DateField(verbose_name='decided on')),
                ('statement_day', models.SmallIntegerField(verbose_name='statement day')),
                ('outcome', models.CharField(choices=[('granted', 'granted'), ('refused', 'refused')], max_length=8, verbose_name='outcome')),
                ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=16), size=None, verbose_name='reasons')),
                ('rules', models.JSONField(verbose_name='rules')),
                ('score', models.SmallIntegerField(null=True, verbose_name='score')),
                ('scored_on', models.DateField(null=True, verbose_name='score published on')),
                ('score_id', models.BigIntegerField(null=True, verbose_name='published score')),
                ('model_id', models.BigIntegerField(null=True, verbose_name='model')),
                ('exposure_fen', models.BigIntegerField(verbose_name='exposure')),
                ('consumer_exposure_fen', models.BigIntegerField(verbose_name='of it to a consumer')),
                ('overdue_fen', models.BigIntegerField(verbose_name='overdue')),
                ('earned_fen', models.BigIntegerField(verbose_name='limit that the score earns')),
                ('limit_fen', models.BigIntegerField(verbose_name='limit offered')),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='recorded at')),
            ],
            options={
                'verbose_name': 'decision on a line',
                'verbose_name_plural': 'decisions on lines',
            },
        ),
        migrations.AddField(
            model_name='openingdecision',
            name='consumer_rule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='huabei.consumerrule', verbose_name='rule on consumer credit'),
        ),
        migrations.AddField(
            model_name='openingdecision',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer', verbose_name='customer'),
        ),
        migrations.AddField(
            model_name='openingdecision',
            name='line',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='decision', to='huabei.line', verbose_name='credit line'),
        ),
        migrations.AddField(
            model_name='openingdecision',
            name='policy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='huabei.openingpolicy', verbose_name='opening policy'),
        ),
        migrations.AddIndex(
            model_name='openingdecision',
            index=models.Index(fields=['decided_on', 'outcome'], name='opening_decision_by_day'),
        ),
        migrations.AddConstraint(
            model_name='openingdecision',
            constraint=models.UniqueConstraint(fields=('customer', 'reference'), name='opening_decision_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='openingdecision',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('limit_fen__gt', 0), ('line__isnull', False), ('outcome', 'granted'), ('reasons__len', 0)), models.Q(('limit_fen', 0), ('line__isnull', True), ('outcome', 'refused'), ('reasons__len__gt', 0)), _connector='OR'), name='opening_decision_granted_or_says_why'),
        ),
        migrations.AddConstraint(
            model_name='openingdecision',
            constraint=models.CheckConstraint(condition=models.Q(('reasons__contained_by', ['under_age', 'not_verified', 'student', 'no_score', 'score_too_old', 'score_too_low', 'has_line', 'overdue', 'exposure', 'consumer_cap'])), name='opening_decision_reasons_known'),
        ),
        migrations.AddConstraint(
            model_name='openingdecision',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('model_id__isnull', True), ('score_id__isnull', True), ('scored_on__isnull', True), ('score__isnull', True)), models.Q(('model_id__isnull', False), ('score_id__isnull', False), ('scored_on__isnull', False), ('scored_on__lte', models.F('decided_on'))), _connector='OR'), name='opening_decision_score_is_a_published_one'),
        ),
        migrations.AddConstraint(
            model_name='openingdecision',
            constraint=models.CheckConstraint(condition=models.Q(('earned_fen__gte', 0), ('exposure_fen__gte', models.F('consumer_exposure_fen')), ('overdue_fen__gte', 0)), name='opening_decision_figures_sensible'),
        ),
        migrations.RunSQL(GUARDS),
    ]
