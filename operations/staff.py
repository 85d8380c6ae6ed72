"""Staff roles and the least each needs: views of records, and the buttons that are its work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.contrib.auth.models import Group, Permission
from django.db import transaction

UNDERWRITER = "Underwriter"
ADMINISTRATOR = "Administrator"
SERVICER = "Servicer"

# What an underwriter reads to decide on a case. Permissions are "app.codename".
CASE_FILE = (
    "customers.view_customer",
    "customers.view_consent",
    "customers.view_emaildelivery",
    "customers.view_notice",
    "customers.view_shop",
    "ledger.view_account",
    "ledger.view_entry",
    "ledger.view_transfer",
    "creditscore.view_accountmonth",
    "creditscore.view_modelversion",
    "creditscore.view_score",
    "huabei.view_bulkfreeze",
    "huabei.view_calendarchange",
    "huabei.view_closure",
    "huabei.view_correction",
    "huabei.view_creditpayout",
    "huabei.view_freeze",
    "huabei.view_limitchange",
    "huabei.view_limitreview",
    "huabei.view_sharedline",
    "huabei.view_temporarylimit",
    "huabei.view_arrears",
    "huabei.view_classification",
    "huabei.view_campaign",
    "huabei.view_categoryrule",
    "huabei.view_classificationband",
    "huabei.view_due",
    "huabei.view_instalmentterms",
    "huabei.view_line",
    "huabei.view_consumerrule",
    "huabei.view_merchant",
    "huabei.view_merchantchange",
    "huabei.view_openingdecision",
    "huabei.view_decisionreview",
    "huabei.view_bulkthaw",
    "huabei.view_openingpolicy",
    "huabei.view_plan",
    "huabei.view_purchase",
    "huabei.view_refund",
    "huabei.view_reminderday",
    "huabei.view_repayment",
    "huabei.view_segment",
    "huabei.view_settlement",
    "huabei.view_statement",
    "huabei.view_terms",
    "lending.view_lenderrule",
    "lending.view_loan",
    "lending.view_loantransaction",
    "lending.view_pledge",
    "lending.view_product",
    "lending.view_productversion",
    "lending.view_reminderday",
    "lending.view_seller",
    "lending.view_sellerorder",
    "payments.view_fundingsource",
    "payments.view_paymentattempt",
    "payments.view_paymentorder",
    "operations.view_businessday",
    "operations.view_proof",
)

# What whoever looks after running loans does about one; nobody but an administrator gives a loan up.
SERVICING = (
    "lending.service_loan",
    "lending.receive_for_loan",
    "lending.undo_fact",
    "lending.suspend_seller",
)

# What an underwriter decides about lines, and what whoever looks after running lines does.
LINE_DECISIONS = ("huabei.set_limit", "huabei.freeze_line", "huabei.decide_review")
LINE_SERVICING = (
    "huabei.suspend_merchant",
    "huabei.freeze_line",
    "huabei.receive_for_line",
    "huabei.correct_line",
    "huabei.move_statement_day",
    "payments.look_again",
)

ROLES: Mapping[str, tuple[str, ...]] = {
    UNDERWRITER: (*CASE_FILE, *LINE_DECISIONS),
    SERVICER: (*CASE_FILE, *SERVICING, *LINE_SERVICING),
    ADMINISTRATOR: (
        *CASE_FILE,
        "operations.view_closestep",
        "customers.retry_emaildelivery",
        "creditscore.view_outcome",
        "creditscore.view_protectedattributes",
        "creditscore.view_publicationcalendar",
        "huabei.view_accrual",
        "lending.view_accrual",
        "lending.add_productversion",
        "lending.give_up_loan",
        *SERVICING,
        "huabei.add_terms",
        "huabei.add_instalmentterms",
        "huabei.add_consumerrule",
        "huabei.add_openingpolicy",
        "huabei.close_line",
        "huabei.run_campaign",
        "huabei.set_posting",
        "huabei.rule_category",
        *LINE_DECISIONS,
        *LINE_SERVICING,
        "auth.view_group",
        "customers.view_login",
        "customers.add_login",
        "customers.change_login",
        "customers.view_apikey",
        "customers.add_apikey",
        "customers.change_apikey",
    ),
}


class UnknownPermission(LookupError):
    """A role names a permission that no model has: a programming error, found before anything is changed."""


def _permissions(names: Iterable[str]) -> list[Permission]:
    wanted = set(names)
    found = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type").filter(
            codename__in=[name.partition(".")[2] for name in wanted]
        )
    }
    if missing := wanted - found.keys():
        raise UnknownPermission(f"no such permission: {', '.join(sorted(missing))}")
    return [found[name] for name in wanted]


@transaction.atomic
def set_up_roles() -> None:
    """Makes each role a group that holds exactly the permissions named here, whatever it held before."""
    for role, names in ROLES.items():
        group, _made = Group.objects.get_or_create(name=role)
        group.permissions.set(_permissions(names))
