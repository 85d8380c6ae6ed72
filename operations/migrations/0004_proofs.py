"""Proofs of the books, kept."""

from django.conf import settings
from django.db import migrations, models

KEPT = f"""
CREATE TRIGGER operations_proof_is_append_only BEFORE UPDATE OR DELETE ON operations_proof
    FOR EACH ROW EXECUTE FUNCTION operations_refuse_change();
CREATE TRIGGER operations_proof_is_not_truncated BEFORE TRUNCATE ON operations_proof
    FOR EACH STATEMENT EXECUTE FUNCTION operations_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON operations_proof FROM {settings.DATABASE_ROLE};
"""


class Migration(migrations.Migration):

    dependencies = [
        ('operations', '0003_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='Proof',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('proved_on', models.DateField(unique=True, verbose_name='business date')),
                ('started_at', models.DateTimeField(verbose_name='started at')),
                ('seconds', models.DecimalField(decimal_places=2, max_digits=9, verbose_name='seconds')),
                ('rules', models.IntegerField(verbose_name='rules')),
                ('rows', models.BigIntegerField(verbose_name='rows examined')),
                ('broken_rules', models.IntegerField(verbose_name='rules broken')),
                ('faults', models.JSONField(default=list, verbose_name='faults')),
            ],
            options={
                'verbose_name': 'proof of the books',
                'verbose_name_plural': 'proofs of the books',
                'constraints': [models.CheckConstraint(condition=models.Q(('broken_rules__gte', 0), ('broken_rules__lte', models.F('rules')), ('rows__gte', 0), ('rules__gt', 0)), name='proof_counts_in_order')],
            },
        ),
        migrations.RunSQL(KEPT, migrations.RunSQL.noop),
    ]
