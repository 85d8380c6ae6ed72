"""The borrower's home page: score, line and loans on one page, so it stands above the products."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from customers.models import Customer
from web.access import borrower_page


@borrower_page
def home(request: HttpRequest, customer: Customer) -> HttpResponse:
    """What the borrower has with us."""
    return render(request, "operations/home.html", {"customer": customer})
