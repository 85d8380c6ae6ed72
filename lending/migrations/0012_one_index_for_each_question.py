"""What begins a unique key needs no index of its own: a fact of a loan writes fewer of them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0006_emails_to_shops'),
        ('lending', '0011_due_days_write_no_index'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='loan',
            name='loan_by_customer',
        ),
        migrations.AlterField(
            model_name='loan',
            name='customer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer'),
        ),
        migrations.AlterField(
            model_name='loantransaction',
            name='loan',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='transactions', to='lending.loan'),
        ),
        migrations.AlterField(
            model_name='segment',
            name='loan',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='segments', to='lending.loan'),
        ),
    ]
