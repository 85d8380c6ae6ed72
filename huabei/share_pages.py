"""Shared lines (亲密付): the owner's pages, and those of the person who spends with somebody else's line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from customers.identity import InvalidIdentity
from customers.models import Customer
from finance.errors import DomainError
from huabei import selectors, sharing
from huabei.errors import LineNotActive
from huabei.models import Line, SharedLine, ShareStatus, ShareTerms
from huabei.services.invitations import (
    InvitationNotFound,
    TooManyInvitations,
    invite_by_phone,
    withdraw_invitation,
)
from huabei.services.shares import CapRefused, ShareNotActive, ShareRefused, accept, change_cap, end
from web.access import borrower_page
from web.api.day import booking_day
from web.forms import YuanField
from web.templatetags.money import rmb
from web.today import business_date

PURCHASES_SHOWN = 50


class CapForm(forms.Form):
    """A monthly cap, within the terms of a date."""

    cap = YuanField(label=gettext_lazy("Monthly cap in yuan"))

    def __init__(self, *args: Any, terms: ShareTerms, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.terms = terms
        self.fields["cap"].help_text = self.bounds()

    def bounds(self) -> str:
        """What a cap may be, in words."""
        return _("From %(smallest)s to %(largest)s.") % {
            "smallest": rmb(self.terms.smallest_cap_fen),
            "largest": rmb(self.terms.largest_cap_fen),
        }

    def clean_cap(self) -> int:
        """The cap in fen."""
        cap_fen: int = self.cleaned_data["cap"]
        if not self.terms.smallest_cap_fen <= cap_fen <= self.terms.largest_cap_fen:
            raise forms.ValidationError(self.bounds())
        return cap_fen


class InviteForm(CapForm):
    """Whom to invite, as the owner knows them."""

    full_name = forms.CharField(max_length=64, label=gettext_lazy("Their full name"))
    phone = forms.CharField(
        max_length=24,
        label=gettext_lazy("Their mobile number"),
        widget=forms.TextInput({"inputmode": "tel", "autocomplete": "off"}),
    )
    field_order = ["full_name", "phone", "cap"]


def _day() -> date:
    """The business date; nothing can be shared before the bank's first day."""
    on = business_date()
    if on is None:
        raise Http404
    return on


@borrower_page
@require_http_methods(["GET", "POST"])
def shared_lines(request: HttpRequest, customer: Customer) -> HttpResponse:
    """With whom the borrower shares a line, who shares one with them, and inviting somebody."""
    on = _day()
    line = selectors.live_line_of(customer.pk)
    form = InviteForm(request.POST or None, terms=sharing.share_terms_on(on))
    if request.method == "POST":
        if line is None:
            raise Http404
        if form.is_valid() and _invited(line, form):
            messages.success(
                request,
                _("If there is a verified customer of this name and number, they are invited now."),
            )
            return redirect("shared_lines")
    context = {
        "line": line,
        "form": form,
        "shares": sharing.shares_of(customer.pk, on),
        "invitations": sharing.invitations_of(customer.pk),
        "others": sharing.shared_with(customer.pk, on),
    }
    return render(request, "huabei/shared_lines.html", context)


def _invited(line: Line, form: InviteForm) -> bool:
    """Invites whom the form names; says beside the field, or above all, why not."""
    given = form.cleaned_data
    try:
        with booking_day() as on:
            invite_by_phone(
                line_id=line.pk,
                full_name=given["full_name"],
                phone=given["phone"],
                monthly_cap_fen=given["cap"],
                on=on,
            )
    except InvalidIdentity as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    except ShareRefused:
        form.add_error("phone", _("You have invited this person already, share the line, or it is you."))
    except LineNotActive:
        form.add_error(None, _("A frozen line cannot be shared with anybody new."))
    except TooManyInvitations:
        form.add_error(None, _("These are too many invitations. Take one back, or try again tomorrow."))
    except CapRefused:
        form.add_error("cap", form.bounds())
    else:
        return True
    return False


def _own_share(customer: Customer, share_uuid: UUID, on: date) -> tuple[SharedLine, bool]:
    """A share of the borrower's, and whether they are its owner. Error: Http404."""
    mine = sharing.shares_of(customer.pk, on).filter(uuid=share_uuid).first()
    found = mine or sharing.shared_with(customer.pk, on).filter(uuid=share_uuid).first()
    if found is None:
        raise Http404
    return found, mine is not None


def _shown(request: HttpRequest, share: SharedLine, is_owner: bool, form: CapForm | None) -> HttpResponse:
    context = {
        "share": share,
        "is_owner": is_owner,
        "waits": share.status == ShareStatus.INVITED,
        "purchases": sharing.purchases_through(share)[:PURCHASES_SHOWN],
        "form": form,
    }
    return render(request, "huabei/shared_line.html", context)


@borrower_page
@require_GET
def shared_line(request: HttpRequest, customer: Customer, share_uuid: UUID) -> HttpResponse:
    """One shared line: the cap, what was spent of it this month, and what was bought through it."""
    on = _day()
    share, is_owner = _own_share(customer, share_uuid, on)
    form = CapForm(terms=sharing.share_terms_on(on)) if is_owner else None
    return _shown(request, share, is_owner, form)


@borrower_page
@require_POST
def cap(request: HttpRequest, customer: Customer, share_uuid: UUID) -> HttpResponse:
    """The owner changes the monthly cap, of this month too."""
    share, is_owner = _own_share(customer, share_uuid, _day())
    if not is_owner:
        raise Http404
    form = CapForm(request.POST, terms=sharing.share_terms_on(_day()))
    if not form.is_valid():
        return _shown(request, share, is_owner, form)
    given = {"share_id": share.pk, "owner_id": customer.pk, "monthly_cap_fen": form.cleaned_data["cap"]}
    _do(request, change_cap, _("The cap is changed, for this month too."), **given)
    return redirect("shared_line", share_uuid=share.uuid)


@borrower_page
@require_POST
def accept_share(request: HttpRequest, customer: Customer, share_uuid: UUID) -> HttpResponse:
    """The invited person accepts."""
    share, is_owner = _own_share(customer, share_uuid, _day())
    if is_owner:
        raise Http404
    given = {"share_id": share.pk, "beneficiary_id": customer.pk}
    _do(request, accept, _("Accepted. You can spend with it now."), **given)
    return redirect("shared_lines")


@borrower_page
@require_POST
def end_share(request: HttpRequest, customer: Customer, share_uuid: UUID) -> HttpResponse:
    """The owner ends a share, or the other person declines or leaves it."""
    share, _is_owner = _own_share(customer, share_uuid, _day())
    given = {"share_id": share.pk, "customer_id": customer.pk}
    _do(request, end, _("Ended. Nothing more can be bought with it."), **given)
    return redirect("shared_lines")


@borrower_page
@require_POST
def withdraw(request: HttpRequest, customer: Customer, invitation_uuid: UUID) -> HttpResponse:
    """The owner takes an invitation back."""
    given = {"invitation": invitation_uuid, "owner_id": customer.pk}
    try:
        _do(request, withdraw_invitation, _("The invitation is taken back."), **given)
    except InvitationNotFound as error:
        raise Http404 from error
    return redirect("shared_lines")


def _do(request: HttpRequest, service: Callable[..., object], done: str, **given: Any) -> None:
    """Calls a service on the business date, and says that it is done, or that the share has ended meanwhile."""
    try:
        with booking_day() as on:
            service(**given, on=on)
    except (ShareNotActive, CapRefused) as refusal:
        _refused(request, refusal)
    else:
        messages.success(request, done)


def _refused(request: HttpRequest, refusal: DomainError) -> None:
    ended = isinstance(refusal, ShareNotActive)
    messages.error(request, _("This shared line has ended.") if ended else _("This cap is not allowed."))
