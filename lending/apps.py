from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LendingConfig(AppConfig):
    name = "lending"
    verbose_name = _("Loans")

    def ready(self) -> None:
        from customers.laws import takes_consumer_cap
        from customers.obligations import tells_business_exposure, tells_lateness
        from lending import notices  # noqa: F401 - defines what borrowers are told of their loans
        from lending.obligations import business_exposures, late
        from lending.services.laws import take_consumer_cap

        takes_consumer_cap("loan", take_consumer_cap)
        tells_lateness("loan", late)
        tells_business_exposure("loan", business_exposures)
