"""The product's addresses, and the floor: a plain view around the same single statement, and nothing else."""

from __future__ import annotations

import json
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from huabei.services.purchases import CONTROL, _authorise_sql
from ledger.sql import fetch_one_prepared
from web.access import public_page
from web.api.day import held_day

HASH = b"Z" * 32


@csrf_exempt
@public_page
def floor(request: HttpRequest) -> HttpResponse:
    """Reads JSON, runs the statement, writes JSON: no key, no scope, no rate, no check of anything, no repeat."""
    asked = json.loads(request.body)
    row = fetch_one_prepared(
        _authorise_sql(held_day(), "uuid = %(line)s", in_instalments=False),
        {
            "line": UUID(asked["line"]),
            "merchant": UUID(asked["merchant"]),
            "amount": asked["amount"],
            "reference": request.headers["Idempotency-Key"],
            "hash": HASH,
            "control": CONTROL,
        },
    )
    assert row
    body = {"id": row[0], "authorised_on": row[2].isoformat(), "expires_on": row[3].isoformat()}
    return HttpResponse(json.dumps(body), status=201, content_type="application/json")


urlpatterns = [path("floor/", floor), path("", include("config.urls"))]
