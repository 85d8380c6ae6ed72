"""Versions of terms, of what instalments cost, of the opening policy and of the law say who published them; none changes."""

from django.db import migrations, models

from ledger.guards import append_only

FACTS = ("huabei_terms", "huabei_instalmentterms", "huabei_instalmentoption")

GUARDS = append_only(*FACTS) + """
-- What was closed, billed, paid or agreed by the figures of a day cannot have been so by others.
CREATE FUNCTION huabei_check_terms_not_behind() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM huabei_accrual WHERE closed_on >= NEW.effective_from)
       OR EXISTS (SELECT FROM huabei_statement WHERE issued_on >= NEW.effective_from)
       OR EXISTS (SELECT FROM huabei_segment WHERE since >= NEW.effective_from)
       OR EXISTS (SELECT FROM huabei_repayment WHERE received_on >= NEW.effective_from) THEN
        PERFORM huabei_refuse_row('terms_not_behind_the_books', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER huabei_terms_not_behind BEFORE INSERT ON huabei_terms
    FOR EACH ROW EXECUTE FUNCTION huabei_check_terms_not_behind();
CREATE FUNCTION huabei_check_instalments_not_behind() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counts_from date;
BEGIN
    IF TG_TABLE_NAME = 'huabei_instalmentterms' THEN
        counts_from := NEW.effective_from;
    ELSE
        SELECT effective_from INTO counts_from FROM huabei_instalmentterms WHERE id = NEW.terms_id;
    END IF;
    IF EXISTS (SELECT FROM huabei_plan WHERE made_on >= counts_from)
       OR EXISTS (SELECT FROM huabei_planchoice AS choice JOIN huabei_purchase AS purchase ON purchase.id = choice.purchase_id
                  WHERE purchase.authorised_on >= counts_from) THEN
        PERFORM huabei_refuse_row('instalment_terms_not_behind_plans', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER huabei_instalmentterms_not_behind BEFORE INSERT ON huabei_instalmentterms
    FOR EACH ROW EXECUTE FUNCTION huabei_check_instalments_not_behind();
CREATE TRIGGER huabei_instalmentoption_not_behind BEFORE INSERT ON huabei_instalmentoption
    FOR EACH ROW EXECUTE FUNCTION huabei_check_instalments_not_behind();
"""

NAMED = {
    "consumerrule": "consumer_rule",
    "instalmentterms": "instalment_terms",
    "openingpolicy": "opening_policy",
    "terms": "terms",
}


def constraints(name):
    """What `huabei.models.publishing.published` said of a kind of version."""
    return (
        models.UniqueConstraint(
            fields=['reference'], condition=models.Q(('reference', ''), _negated=True), name=f'{name}_once_per_reference',
        ),
        models.CheckConstraint(
            condition=models.Q(
                models.Q(('by', ''), ('published_on__isnull', True), ('reason', ''), ('reference', ''), ('request_hash__isnull', True)),
                models.Q(
                    ('published_on__isnull', False),
                    ('published_on__lt', models.F('effective_from')),
                    ('request_hash__isnull', False),
                    models.Q(('by', ''), _negated=True),
                    models.Q(('reason', ''), _negated=True),
                    models.Q(('reference', ''), _negated=True),
                ),
                _connector='OR',
            ),
            name=f'{name}_published_before_it_counts',
        ),
    )


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0026_paid_purchases_given_up'),
    ]

    operations = [
        *(
            migrations.AddField(model_name=name, name=field, field=column)
            for name in NAMED
            for field, column in (
                ('by', models.CharField(db_default='', default='', max_length=24, verbose_name='by')),
                ('published_on', models.DateField(null=True, verbose_name='published on')),
                ('reason', models.CharField(db_default='', default='', max_length=200, verbose_name='reason')),
                ('reference', models.CharField(db_default='', default='', max_length=64, verbose_name='reference')),
                ('request_hash', models.BinaryField(max_length=32, null=True)),
            )
        ),
        *(
            migrations.AddConstraint(model_name=model, constraint=constraint)
            for model, name in NAMED.items()
            for constraint in constraints(name)
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
