from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HuabeiConfig(AppConfig):
    name = "huabei"
    verbose_name = _("Credit lines")

    def ready(self) -> None:
        from customers.obligations import tells_lateness
        from huabei import hearing_notices, notices  # noqa: F401 - define what the owners of lines are told
        from huabei.obligations import late

        tells_lateness("line", late)
