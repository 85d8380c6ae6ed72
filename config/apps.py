"""The composition root as a Django app: it brings the commands `run` and `servers`, and the Celery application."""

from django.apps import AppConfig


class CompositionRoot(AppConfig):
    name = "config"
    verbose_name = "Installation"

    def ready(self) -> None:
        """Load the Celery application, so that tasks published by pages and commands find their broker."""
        from config import celery  # noqa: F401
