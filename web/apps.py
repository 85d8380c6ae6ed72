from django.apps import AppConfig
from django.contrib.admin import apps as admin


class WebConfig(AppConfig):
    name = "web"


class ConsoleConfig(admin.AdminConfig):
    """Django's admin, with the console as its site: apps register with `admin.register` as anywhere."""

    default = False
    default_site = "web.console.ConsoleSite"
