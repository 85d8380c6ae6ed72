from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CreditscoreConfig(AppConfig):
    name = "creditscore"
    verbose_name = _("Scores")
