"""Signing in and out."""

from __future__ import annotations

from django.urls import path

from customers import pages

urlpatterns = [
    path("login/", pages.login, name="login"),
    path("logout/", pages.logout, name="logout"),
]
