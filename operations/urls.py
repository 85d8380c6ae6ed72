"""The borrower's home page, which shows every product."""

from __future__ import annotations

from django.urls import path

from operations import pages

urlpatterns = [
    path("", pages.home, name="home"),
]
