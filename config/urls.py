"""Every address of the site; each app keeps its own in its urls.py."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from web.access import public_page

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("operations.urls")),
    path("", include("huabei.urls")),
    path("", include("lending.urls")),
    path("", include("creditscore.urls")),
    path("", include("customers.urls")),
    path("language/", public_page(set_language), name="set_language"),
    path("console/", admin.site.urls),
    path("api/v1/", include("customers.api.urls")),
    path("api/v1/", include("huabei.api.urls")),
    path("api/v1/", include("lending.api.urls")),
    path("api/v1/", include("operations.api.urls")),
    # Last: it answers for whatever is no endpoint.
    path("api/", include("web.api.urls")),
]
