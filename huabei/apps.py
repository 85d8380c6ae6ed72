from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HuabeiConfig(AppConfig):
    name = "huabei"
    verbose_name = _("Credit lines")
