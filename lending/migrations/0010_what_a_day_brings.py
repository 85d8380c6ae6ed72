"""What happens on a day is found by its day, whatever else there is; what a loan still owes, by its loan."""

from django.db import migrations, models


# Loans are rewritten as they are repaid and close, and by and by stand in no order of their days; of what was told of orders, a
# day's notices ask only for what is called in. Facts of loans stay as they were written, and keep theirs.
OUT_OF_ORDER = "DROP INDEX lending_loan_by_day, lending_orderevent_by_day"
IN_ORDER = """
CREATE INDEX lending_loan_by_day ON lending_loan USING brin (signed_on) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX lending_orderevent_by_day ON lending_orderevent USING brin (booked_on)
    WITH (pages_per_range = 16, autosummarize = on);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0005_shop_logins'),
        ('lending', '0009_cost_by_what_happens'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='instalment',
            name='instalment_unpaid',
        ),
        migrations.AddIndex(
            model_name='instalment',
            index=models.Index(condition=models.Q(('billed', True), ('unpaid_fen', 0)), fields=['due_on'], name='instalment_settled'),
        ),
        migrations.AddIndex(
            model_name='loan',
            index=models.Index(fields=['signed_on'], name='loan_by_signing'),
        ),
        migrations.AddIndex(
            model_name='orderevent',
            index=models.Index(condition=models.Q(('recalled_fen__gt', 0)), fields=['booked_on'], name='order_event_calling_in'),
        ),
        migrations.RunSQL(OUT_OF_ORDER, IN_ORDER),
    ]
