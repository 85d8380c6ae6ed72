"""The borrower's score, explained."""

from __future__ import annotations

from django.urls import path

from creditscore import pages

urlpatterns = [path("score/", pages.score, name="score")]
