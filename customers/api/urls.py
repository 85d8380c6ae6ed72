"""Addresses of the API of notices."""

from __future__ import annotations

from django.urls import path

from customers.api import notices

urlpatterns = [
    path("me/notices/", notices.OwnNotices.as_view()),
    path("me/notices/read/", notices.MarkAllRead.as_view()),
    path("me/notices/<uuid:notice_id>/", notices.OwnNotice.as_view()),
    path("me/notices/<uuid:notice_id>/read/", notices.MarkRead.as_view()),
    path("me/notice-preferences/", notices.OwnPreferences.as_view()),
]
