"""A month of a shared line keeps the cap that its owner set, beside the one that holds while more was spent already."""

from django.db import migrations, models
from django.db.models.functions import Greatest


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
        migrations.RunSQL("UPDATE huabei_sharemonth SET wanted_cap_fen = cap_fen", migrations.RunSQL.noop),
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
