"""Keys to the API. What a key may is never changed, and one that was revoked stays so."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Columns that are not granted cannot be written whatever a service tries; a revocation that was undone would be a key given
# back to whoever it was taken from.
GUARDS = f"""
CREATE FUNCTION customers_keep_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: a revoked key stays revoked', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER customers_apikey_stays_revoked BEFORE UPDATE OF revoked_at ON customers_apikey
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
    EXECUTE FUNCTION customers_keep_revoked();
REVOKE UPDATE, DELETE, TRUNCATE ON customers_apikey FROM {settings.DATABASE_ROLE};
GRANT UPDATE (revoked_at, last_used_at) ON customers_apikey TO {settings.DATABASE_ROLE};
"""


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0003_notice_guards'),
        # Grants to the application's role.
        ('ledger', '0002_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('prefix', models.CharField(max_length=16, unique=True, verbose_name='begins with')),
                ('secret_hash', models.BinaryField(max_length=32)),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None, verbose_name='scopes')),
                ('per_minute', models.IntegerField(default=6000, verbose_name='requests a minute')),
                ('created_at', models.DateTimeField(verbose_name='made at')),
                ('created_by', models.CharField(max_length=150, verbose_name='made by')),
                ('revoked_at', models.DateTimeField(null=True, verbose_name='revoked at')),
                ('last_used_at', models.DateTimeField(null=True, verbose_name='last used at')),
                ('shop', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.shop', verbose_name='shop')),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'constraints': [models.CheckConstraint(condition=models.Q(('per_minute__gt', 0)), name='api_key_rate_positive'), models.CheckConstraint(condition=models.Q(('revoked_at__isnull', True), ('revoked_at__gte', models.F('created_at')), _connector='OR'), name='api_key_revoked_after_made')],
            },
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
