"""The end of many freezes is undone by freezing again those lines that are still as it left them."""

import django.db.models.deletion
from django.db import migrations, models

GUARD = """
-- Freezes that undo the end of others are for the same cause.
CREATE FUNCTION huabei_check_bulk_undo() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM huabei_bulkthaw AS ended
                   WHERE ended.id = NEW.undoes_id AND ended.freeze_cause = NEW.cause AND ended.thawed_on <= NEW.frozen_on) THEN
        PERFORM huabei_refuse_row('bulk_freeze_undoes_its_like', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER huabei_bulkfreeze_undoes_its_like BEFORE INSERT ON huabei_bulkfreeze
    FOR EACH ROW WHEN (NEW.undoes_id IS NOT NULL) EXECUTE FUNCTION huabei_check_bulk_undo();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0033_reviews_of_cut_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='bulkfreeze',
            name='undoes',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='undone_by', to='huabei.bulkthaw', verbose_name='undoes'),
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
