"""The borrower's statements: the list, and one opened down to what is behind its figures."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from customers.models import Customer
from huabei import history, plans, selectors
from huabei.files import document_answer
from web.access import borrower_page
from web.today import business_date


@borrower_page
@require_GET
def statements(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Every statement of the borrower's line, newest first, and what the next one will hold so far."""
    line = selectors.line_of(customer.pk)
    context: dict[str, object] = {"line": line}
    if line:
        issued = list(selectors.statements_of(line.pk)[: history.MOST_SHOWN])
        since = issued[0].issued_on if issued else line.opened_on
        context |= {"statements": issued, "events": history.purchases_of(line.pk, since=since)[::-1]}
    return render(request, "huabei/statements.html", context)


@borrower_page
@require_GET
def statement(request: HttpRequest, customer: Customer, statement_id: int) -> HttpResponse:
    """One of the borrower's own statements."""
    found = history.statement_of(customer_id=customer.pk, statement_id=statement_id)
    if found is None:
        raise Http404
    context = {
        "statement": found,
        "detail": history.statement_detail(found),
        "can_spread": plans.may_be_spread(found, business_date()),
    }
    return render(request, "huabei/statement.html", context)


@borrower_page
@require_GET
def statement_document(request: HttpRequest, customer: Customer, statement_id: int) -> HttpResponseBase:
    """One of the borrower's own statements as a PDF; `?language=` asks for another than the page's."""
    found = history.statement_of(customer_id=customer.pk, statement_id=statement_id)
    if found is None:
        raise Http404
    return document_answer(request, found, request.GET.get("language"))
