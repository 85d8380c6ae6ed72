"""In which order money pays is a dated figure of the line's terms."""

from itertools import permutations

from django.db import migrations, models

ORDERS = tuple(' '.join(order) for order in permutations(('penalty', 'interest', 'fee', 'principal')))


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0022_bulk_freezes'),
    ]

    operations = [
        migrations.AddField(
            model_name='terms',
            name='allocation',
            field=models.CharField(choices=[(each, each) for each in ORDERS], db_default='penalty interest fee principal', default='penalty interest fee principal', max_length=40, verbose_name='order of payment'),
        ),
        migrations.AddConstraint(
            model_name='terms',
            constraint=models.CheckConstraint(condition=models.Q(('allocation__in', ORDERS)), name='terms_allocation_ranks_each_component_once'),
        ),
    ]
