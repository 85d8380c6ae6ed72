"""Every address of the site; each app keeps its own in its urls.py."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("console/", admin.site.urls),
]
