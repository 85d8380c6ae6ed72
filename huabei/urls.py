"""The borrower's statements."""

from __future__ import annotations

from django.urls import path

from huabei import pages

urlpatterns = [
    path("statements/", pages.statements, name="statements"),
    path("statements/<int:statement_id>/", pages.statement, name="statement"),
    path("statements/<int:statement_id>/document/", pages.statement_document, name="statement_document"),
]
