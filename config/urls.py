"""Every address of the site; each app keeps its own in its urls.py."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from web.access import public_page

# Machines first, since an authorisation is what everybody waits for: every pattern before it is tried at every one.
urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "api/v1/",
        include(
            [
                path("", include("huabei.api.urls")),
                path("", include("lending.api.urls")),
                path("", include("customers.api.urls")),
                path("", include("operations.api.urls")),
            ]
        ),
    ),
    # The last of the API's: it answers for whatever is no endpoint.
    path("api/", include("web.api.urls")),
    path("console/", admin.site.urls),
    path("", include("operations.urls")),
    path("", include("huabei.urls")),
    path("", include("lending.urls")),
    path("", include("creditscore.urls")),
    path("", include("customers.urls")),
    path("language/", public_page(set_language), name="set_language"),
]
