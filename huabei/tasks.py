"""The lines' own jobs. The database is the truth and a task only a hint: each may come twice, late, or not at all."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from huabei.services.documents import make_missing_documents
from web.today import business_date

# A statement is opened in the weeks until it is paid, if at all.
FOR_DAYS = timedelta(days=35)
# Some two minutes of work; what is left is done the next time.
MOST = 250


@shared_task(name="huabei.make_statement_documents", acks_late=True)
def make_statement_documents() -> int:
    """Makes documents of the statements of the last weeks that have none; returns how many. Repeating it makes none."""
    today = business_date()
    return make_missing_documents(since=today - FOR_DAYS, most=MOST).made if today else 0
