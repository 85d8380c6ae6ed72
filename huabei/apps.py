from django.apps import AppConfig


class HuabeiConfig(AppConfig):
    name = "huabei"
