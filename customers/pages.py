"""Signing in and out, one page for borrowers and staff; what a borrower was told, and how they want to be told."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from customers import selectors, tasks
from customers.forms import CodeForm, EmailForm, PreferencesForm, QuietHoursForm
from customers.models import Customer
from customers.services import contact, notices
from finance.errors import DomainError
from web import throttle
from web.access import borrower_page, public_page

NOTICES_SHOWN = 20
LARGEST_ID = 2**63 - 1


# Guesses at one password: from one address, and from all together, in a quarter of an hour. Whoever guesses from elsewhere
# does not keep the owner out at once.
FAILURES_FROM_ONE_ADDRESS, FAILURES_IN_ALL, WINDOW_SECONDS = 10, 100, 15 * 60


class SignInForm(AuthenticationForm):
    """A user name and a password; after too many wrong ones, not even right ones are looked at for a while."""

    def clean(self) -> dict[str, Any]:
        """Signs in, or says why not."""
        name = f"sign-in:{str(self.cleaned_data.get('username', '')).casefold()}"
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        counted = ((f"{name}:{address}", FAILURES_FROM_ONE_ADDRESS), (name, FAILURES_IN_ALL))
        if any(throttle.used_up(each, most, seconds=WINDOW_SECONDS) for each, most in counted):
            raise ValidationError(
                _("Too many attempts. Try again in a quarter of an hour."), code="throttled"
            )
        try:
            return super().clean()
        except ValidationError:
            for each, most in counted:
                throttle.take(each, most, seconds=WINDOW_SECONDS)
            raise


class SignIn(LoginView):
    """Borrowers go on to their home page, shops to their orders, staff to the console."""

    template_name = "customers/login.html"
    redirect_authenticated_user = True
    authentication_form = SignInForm

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """The form again; its status tells machines that it is of no use for now."""
        answer = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, "throttled"):
            answer.status_code = 429
        return answer

    def get_default_redirect_url(self) -> str:
        """Where somebody goes who came for no page in particular."""
        user = self.request.user
        if user.is_staff and getattr(user, "customer", None) is None:
            return reverse("admin:index")
        if getattr(user, "shop_login", None) is not None:
            return reverse("merchant_orders")
        return super().get_default_redirect_url()


login = public_page(SignIn.as_view())
logout = public_page(LogoutView.as_view())


def _number(text: str) -> int | None:
    """A number that was in an address or a form; None for anything else."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text[:20]), LARGEST_ID)


@borrower_page
@require_GET
def notice_list(request: HttpRequest, customer: Customer) -> HttpResponse:
    """What the borrower was told, newest first, a page at a time."""
    before = _number(request.GET.get("before", ""))
    found = selectors.notices_of(customer.pk, before=before, most=NOTICES_SHOWN + 1)
    shown = found[:NOTICES_SHOWN]
    context = {
        "notices": shown,
        "is_first_page": before is None,
        "older_than": shown[-1].notice.pk if len(found) > NOTICES_SHOWN else None,
        "unread": selectors.unread_notices(customer.pk),
    }
    return render(request, "customers/notices.html", context)


@borrower_page
@require_GET
def notice(request: HttpRequest, customer: Customer, notice_id: int) -> HttpResponse:
    """One of the borrower's own notices, which is read by being opened."""
    found = selectors.own_notice(customer_id=customer.pk, notice_id=min(notice_id, LARGEST_ID))
    if found is None:
        raise Http404
    if found.notice.read_at is None:
        notices.read_notice(customer_id=customer.pk, notice_id=found.notice.pk, at=timezone.now())
    return render(request, "customers/notice.html", {"told": found})


@borrower_page
@require_POST
def read_notices(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Marks one notice read (`notice`), or all up to the newest that the list showed (`up_to`)."""
    one, up_to = (_number(request.POST.get(name, "")) for name in ("notice", "up_to"))
    if one is not None:
        notices.read_notice(customer_id=customer.pk, notice_id=one, at=timezone.now())
    elif up_to is not None:
        notices.read_all_notices(customer_id=customer.pk, up_to=up_to, at=timezone.now())
    return redirect("notices")


def _settings(request: HttpRequest, customer: Customer, status: int = 200, **forms: Any) -> HttpResponse:
    """The page of all settings, with the form that was sent in place of a fresh one."""
    reached = selectors.contact_of(customer.pk)
    new_email = selectors.new_email_of(reached) if _code_lives(reached) else None
    context = {
        "contact": reached,
        "email": selectors.masked_email(reached),
        "new_email": selectors.mask_email(new_email) if new_email else "",
        "email_form": EmailForm(),
        "code_form": CodeForm(),
        "quiet_form": QuietHoursForm.of(reached),
        "preferences_form": PreferencesForm(preferences=selectors.preferences_of(customer.pk)),
    }
    return render(request, "customers/notice_settings.html", context | forms, status=status)


def _code_lives(reached: Any) -> bool:
    return reached.new_email_until is not None and reached.new_email_until >= timezone.now()


def _refused(form: Any, error: DomainError) -> None:
    field = error.field if error.field in form.fields else None
    form.add_error(field, str(error))


@borrower_page
@require_http_methods(["GET", "POST"])
def notice_settings(request: HttpRequest, customer: Customer) -> HttpResponse:
    """How the borrower is told things; posted, which kinds of notices they want."""
    if request.method == "GET":
        return _settings(request, customer)
    form = PreferencesForm(request.POST, preferences=selectors.preferences_of(customer.pk))
    if form.is_valid():
        notices.prefer_notices(customer_id=customer.pk, wanted=form.wanted, at=timezone.now())
        messages.success(request, _("Your choice is kept."))
    return redirect("notice_settings")


@borrower_page
@require_POST
def give_email(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Sends a code to the address that the borrower gives."""
    form = EmailForm(request.POST)
    if form.is_valid():
        try:
            contact.ask_for_email(
                customer_id=customer.pk, email=form.cleaned_data["email"], at=timezone.now()
            )
        except contact.EmailRefused as error:
            _refused(form, error)
        else:
            tasks.send_soon()
            messages.success(request, _("A code is on its way to your address."))
            return redirect("notice_settings")
    return _settings(request, customer, email_form=form)


@borrower_page
@require_POST
def confirm_email(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Takes the address whose code came back."""
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            contact.confirm_email(customer_id=customer.pk, code=form.cleaned_data["code"], at=timezone.now())
        except contact.CodeRefused as error:
            _refused(form, error)
        else:
            messages.success(request, _("Your address is confirmed."))
            return redirect("notice_settings")
    return _settings(request, customer, code_form=form)


@borrower_page
@require_POST
def remove_email(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Forgets the borrower's address."""
    contact.remove_email(customer_id=customer.pk)
    messages.success(request, _("Your address is removed. We write no more e-mails to you."))
    return redirect("notice_settings")


@borrower_page
@require_POST
def quiet_hours(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Keeps when the borrower is not e-mailed, and the language in which they are."""
    form = QuietHoursForm(request.POST)
    if form.is_valid():
        try:
            contact.set_quiet_hours(customer_id=customer.pk, at=timezone.now(), **form.cleaned_data)
        except contact.QuietHoursRefused as error:
            _refused(form, error)
        else:
            messages.success(request, _("Your choice is kept."))
            return redirect("notice_settings")
    return _settings(request, customer, quiet_form=form)
