"""Settings every environment shares. What differs is in development.py, test.py and production.py."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import dj_database_url
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = BASE_DIR / "var"

# The runtime role owns no table and holds no UPDATE, DELETE or TRUNCATE on facts; migrations create it.
DATABASE_ROLE = os.environ.get("DATABASE_ROLE", "credit_app")

INSTALLED_APPS = [
    "config",
    "operations",
    "huabei",
    "lending",
    "creditscore",
    "payments",
    "customers",
    "ledger",
    "web",
    "web.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "web.headers.BrowserPolicies",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "web.access.RefuseUndeclared",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


# The servers that config.embedded runs where DATABASE_URL or BROKER_URL name none; tests have their own.
EMBEDDED_PROFILE: Literal["default", "test"] = "default"


def database(url: str) -> dict[str, object]:
    """
    The default database: the one a URL names, or the project's own server, which is started when first needed.

    Everything runs as the application role, which may not change a fact. Only what changes the schema sets
    DATABASE_LOGIN=owner (manage.py does, for `migrate`).
    """
    owner = os.environ.get("DATABASE_LOGIN", "app") == "owner"
    # Server-side prepared statements: the hot statements are planned once per connection.
    options: dict[str, object] = {"prepare_threshold": 3}
    settings: dict[str, object] = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}
    if url:
        settings = {**dj_database_url.parse(url), **settings}
        if not owner:
            options["assume_role"] = DATABASE_ROLE
    else:
        settings["ENGINE"] = "config.embedded.backend"
        settings["NAME"] = "creditbox"
        settings["EMBEDDED"] = {
            "profile": EMBEDDED_PROFILE,
            "role": "owner" if owner else "app",
            "migrated": not owner and EMBEDDED_PROFILE == "default",
        }
    return settings


DATABASES = {"default": database(os.environ.get("DATABASE_URL", ""))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "customers.Login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

# No script reads a cookie, and none travels with a request from another site.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]

# The module that keeps the business date, for endpoints of apps below it (web.api.day).
BUSINESS_DAY = "operations.services.closing"

REST_FRAMEWORK = {
    # A key first: whoever sends neither key nor session is told to send a key.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "customers.authentication.ApiKeyAuthentication",
        "customers.authentication.BorrowerSession",
    ],
    # Refuse by default: a view that may be called says who may call it.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_SCHEMA_CLASS": "web.api.schema.Operations",
    "EXCEPTION_HANDLER": "web.api.problems.handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CreditBox",
    "VERSION": "1",
    "DESCRIPTION": "The API of a lender in a box. Amounts are strings of yuan, dates ISO 8601, errors RFC 9457 problems.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["web.api.schema.complete"],
    "DISABLE_ERRORS_AND_WARNINGS": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    # It tells every table of every font that it touches.
    "loggers": {"fontTools": {"level": "WARNING"}},
}

# A mail server that does not answer must not hold a worker for long.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("MAIL_FROM", "CreditBox <notices@localhost>")

# Who lends, as documents say it; what is not given is left out of them.
LENDER = {
    "name": os.environ.get("LENDER_NAME", "CreditBox"),
    "address": os.environ.get("LENDER_ADDRESS", ""),
    "phone": os.environ.get("LENDER_PHONE", ""),
    "email": os.environ.get("LENDER_EMAIL", "service@creditbox.example"),
    "complaints": os.environ.get("LENDER_COMPLAINTS", "complaints@creditbox.example"),
}

CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
# A task is acknowledged when it is done, and one at a time is fetched: a killed worker's task is delivered again.
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}

# Who moves the money: the class of a gateway (payments.gateway). Where there is none, nothing is collected or paid out.
PAYMENT_GATEWAY = os.environ.get("PAYMENT_GATEWAY", "")
# Whether a worker is told of an order as soon as it is written; the sweep finds it in any case.
PAYMENT_HINTS = True
# How long a slow gateway may hold up the close of a day.
PAYMENT_SECONDS_BEFORE_CLOSE = 300.0
