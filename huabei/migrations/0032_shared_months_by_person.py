"""A month of a shared line is of the line and the person, so that a share that is offered again goes on where it stood."""

from django.db import migrations, models
from django.db.models import DO_NOTHING

OF_PERSON = """
UPDATE huabei_sharemonth AS month SET line_id = share.line_id, beneficiary_id = share.beneficiary_id
FROM huabei_sharedline AS share WHERE share.id = month.share_id
"""
# Of all shares with one person in a month, the cap is the one that was set last, and what was spent through all counts. So it
# is too where nothing was spent through the last of them, which had no month of its own.
MERGED = """
WITH whole AS (
    SELECT min(id) AS id, line_id, beneficiary_id, month, sum(spent_fen)::bigint AS spent_fen, max(wanted_cap_fen) AS most_fen
    FROM huabei_sharemonth GROUP BY line_id, beneficiary_id, month
), wanted AS (
    SELECT whole.id, whole.spent_fen, coalesce(
        (SELECT change.cap_fen FROM huabei_sharechange AS change JOIN huabei_sharedline AS share ON share.id = change.share_id
         WHERE share.line_id = whole.line_id AND share.beneficiary_id = whole.beneficiary_id
           AND change.kind IN ('accepted', 'cap') AND changed_on < whole.month + interval '1 month'
         ORDER BY change.id DESC LIMIT 1), whole.most_fen) AS cap_fen
    FROM whole
), merged AS (
    UPDATE huabei_sharemonth AS month SET wanted_cap_fen = wanted.cap_fen, spent_fen = wanted.spent_fen,
        cap_fen = greatest(wanted.cap_fen, wanted.spent_fen)
    FROM wanted WHERE wanted.id = month.id
      AND (month.wanted_cap_fen, month.spent_fen) IS DISTINCT FROM (wanted.cap_fen, wanted.spent_fen)
)
DELETE FROM huabei_sharemonth AS month USING whole
WHERE (month.line_id, month.beneficiary_id, month.month) = (whole.line_id, whole.beneficiary_id, whole.month)
  AND month.id <> whole.id
"""

GUARD = """
CREATE TRIGGER huabei_sharemonth_keeps_its_nature BEFORE UPDATE OF id, line_id, beneficiary_id, month
    ON huabei_sharemonth FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""


def key(to, **options):
    return models.ForeignKey(
        db_constraint=False, db_index=False, on_delete=DO_NOTHING, related_name='+', to=to, **options
    )


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0031_since_when_settlements_are_held_back'),
    ]

    operations = [
        migrations.AddField('sharemonth', 'line', key('huabei.line', null=True)),
        migrations.AddField('sharemonth', 'beneficiary', key('customers.customer', null=True)),
        migrations.RunSQL(OF_PERSON, migrations.RunSQL.noop),
        migrations.RemoveConstraint('sharemonth', 'share_month_once'),
        migrations.RemoveField('sharemonth', 'share'),
        migrations.RunSQL(MERGED, migrations.RunSQL.noop),
        migrations.AlterField('sharemonth', 'line', key('huabei.line')),
        migrations.AlterField('sharemonth', 'beneficiary', key('customers.customer')),
        migrations.AddConstraint(
            'sharemonth',
            models.UniqueConstraint(fields=('line', 'beneficiary', 'month'), name='share_month_once'),
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
