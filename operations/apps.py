from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    name = "operations"
    verbose_name = _("Operations")

    def ready(self) -> None:
        from operations.services.closing import business_date, is_open
        from web.today import business_date_by

        business_date_by(lambda: business_date() if is_open() else None)
