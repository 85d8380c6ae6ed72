"""Signing in and out; a borrower's notices and how they want to be told things."""

from __future__ import annotations

from django.urls import path

from customers import pages

urlpatterns = [
    path("login/", pages.login, name="login"),
    path("logout/", pages.logout, name="logout"),
    path("notices/", pages.notice_list, name="notices"),
    path("notices/<int:notice_id>/", pages.notice, name="notice"),
    path("notices/read/", pages.read_notices, name="read_notices"),
    path("notices/settings/", pages.notice_settings, name="notice_settings"),
    path("notices/settings/email/", pages.give_email, name="give_email"),
    path("notices/settings/email/code/", pages.confirm_email, name="confirm_email"),
    path("notices/settings/email/remove/", pages.remove_email, name="remove_email"),
    path("notices/settings/quiet-hours/", pages.quiet_hours, name="quiet_hours"),
]
