"""A month of a shared line keeps the cap that its owner set, beside the one that holds while more was spent already."""

from django.db import migrations, models
from django.db.models.functions import Greatest

# What the owner wanted by the end of the month is told by the changes of the share. The cap was raised to what was spent where
# that was more when it was lowered, and stayed there as some of it came back.
WANTED = """
WITH wanted AS (
    SELECT month.id, coalesce((SELECT change.cap_fen FROM huabei_sharechange AS change
                               WHERE change.share_id = month.share_id AND changed_on < month.month + interval '1 month'
                               ORDER BY change.id DESC LIMIT 1), month.cap_fen) AS cap_fen
    FROM huabei_sharemonth AS month
)
UPDATE huabei_sharemonth AS month
SET wanted_cap_fen = wanted.cap_fen, cap_fen = greatest(wanted.cap_fen, month.spent_fen)
FROM wanted WHERE wanted.id = month.id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0028_reviews_and_bulk_thaws'),
    ]

    operations = [
        migrations.AddField(
            model_name='sharemonth',
            name='wanted_cap_fen',
            field=models.BigIntegerField(default=0, verbose_name='monthly cap that the owner set'),
            preserve_default=False,
        ),
        migrations.RunSQL(WANTED, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='sharemonth',
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ('cap_fen', Greatest(models.F('wanted_cap_fen'), models.F('spent_fen'))),
                    ('spent_fen__gt', models.F('cap_fen')),
                    _connector='OR',
                ),
                name='share_month_cap_as_wanted',
            ),
        ),
    ]
