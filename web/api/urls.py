"""The document, the page made from it, and whatever is no endpoint. Included last: the endpoints are the apps' own."""

from __future__ import annotations

from django.urls import path, re_path

from web.api import problems, reference

urlpatterns = [
    path("v1/schema/", reference.schema, name="api_schema"),
    path("v1/docs/", reference.docs, name="api_docs"),
    re_path("", problems.nothing_here),
]
