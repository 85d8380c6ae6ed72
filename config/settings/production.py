"""Production: everything secret or local comes from the environment, and HTTPS is required."""

from __future__ import annotations

import os

from django.core.exceptions import ImproperlyConfigured

from .base import *  # noqa: F403
from .base import PAYMENT_GATEWAY


def required(name: str) -> str:
    """The environment variable `name`, or an error that says what is missing."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} must be set in the environment")
    return value


SECRET_KEY = required("DJANGO_SECRET_KEY")
# Newest first: the first key encrypts, all decrypt.
IDENTITY_KEYS = required("IDENTITY_ENCRYPTION_KEYS").split(",")
IDENTITY_INDEX_KEY = required("IDENTITY_INDEX_KEY")
ALLOWED_HOSTS = required("ALLOWED_HOSTS").split(",")
required("DATABASE_URL")
required("BROKER_URL")

# Without a mail server e-mails wait, are tried again and parked; the notices stand in the app all the same.
EMAIL_HOST = os.environ.get("MAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("MAIL_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("MAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("MAIL_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("MAIL_TLS", "1") == "1"

if PAYMENT_GATEWAY.startswith("payments.simulator"):
    raise ImproperlyConfigured("PAYMENT_GATEWAY: the simulated gateway moves no money")

DEBUG = False
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Hashed names, compressed, cached for ever: `manage.py collectstatic` makes them.
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
