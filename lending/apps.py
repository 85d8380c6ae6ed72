from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LendingConfig(AppConfig):
    name = "lending"
    verbose_name = _("Loans")

    def ready(self) -> None:
        from lending import notices  # noqa: F401 - defines what borrowers are told of their loans
