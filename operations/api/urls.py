"""Addresses of the API across products."""

from __future__ import annotations

from django.urls import path

from operations.api import endpoints, loans

urlpatterns = [
    path("me/session/", endpoints.OwnSession.as_view()),
    path("quotes/", endpoints.Quotes.as_view()),
    path("simulations/line/", endpoints.LineSimulations.as_view()),
    path("simulations/loan/", loans.LoanSimulations.as_view()),
]
