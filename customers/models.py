"""People and shops, who they are, what they allowed, what they were told, and how they are reached."""

from __future__ import annotations

import uuid
from datetime import time

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Login(AbstractUser):
    """Who may sign in: staff, a borrower through the customer that points here, or somebody for a shop (`ShopLogin`)."""

    class Meta(AbstractUser.Meta):
        verbose_name = _("login")  # type: ignore[assignment]
        verbose_name_plural = _("logins")  # type: ignore[assignment]


class Customer(models.Model):
    """
    A person. National ID and phone are stored encrypted; each has a keyed blind index to be found by.

    One customer per national ID, kept by the database.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    login = models.OneToOneField(
        Login, null=True, blank=True, on_delete=models.SET_NULL, related_name="customer"
    )
    full_name = models.CharField(_("name"), max_length=80)
    born_on = models.DateField(_("born on"))
    is_student = models.BooleanField(_("student"), default=False)
    national_id_encrypted = models.BinaryField()
    national_id_index = models.BinaryField(max_length=32)
    phone_encrypted = models.BinaryField(null=True)
    phone_index = models.BinaryField(max_length=32, null=True)
    identity_verified_on = models.DateField(_("identity verified on"), null=True, blank=True)
    registered_on = models.DateField(_("registered on"))

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(name="customer_one_per_national_id", fields=["national_id_index"]),
            models.CheckConstraint(
                name="customer_born_before_registered", condition=Q(born_on__lt=F("registered_on"))
            ),
        ]
        indexes = [models.Index(name="customer_by_phone", fields=["phone_index"])]

    def __str__(self) -> str:
        return self.full_name


class Shop(models.Model):
    """A shop that customers buy in. Whether it accepts a product, that product knows."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=80)
    category = models.CharField(_("category"), max_length=40)
    registered_on = models.DateField(_("registered on"))

    class Meta:
        verbose_name = _("shop")
        verbose_name_plural = _("shops")

    def __str__(self) -> str:
        return self.name


class ShopRole(models.TextChoices):
    MANAGER = "manager", _("may charge and refund")
    VIEWER = "viewer", _("may look")


class ShopLogin(models.Model):
    """A login that acts for a shop, and what it may do there."""

    login = models.OneToOneField(Login, on_delete=models.PROTECT, related_name="shop_login")
    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, related_name="logins")
    role = models.CharField(_("role"), max_length=8, choices=ShopRole.choices)

    class Meta:
        verbose_name = _("login of a shop")
        verbose_name_plural = _("logins of shops")
        constraints = [
            models.CheckConstraint(name="shop_login_role_known", condition=Q(role__in=ShopRole.values))
        ]

    def __str__(self) -> str:
        return f"{self.login_id}"

    @property
    def may_write(self) -> bool:
        """Whether it may do more than look."""
        return self.role == ShopRole.MANAGER


class Consent(models.Model):
    """What a customer allowed, from when until when. Withdrawing is as easy as granting; both leave their instant."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="consents")
    purpose = models.CharField(_("purpose"), max_length=40)
    granted_at = models.DateTimeField(_("granted at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(
                name="consent_one_live_per_purpose",
                fields=["customer", "purpose"],
                condition=Q(withdrawn_at__isnull=True),
            ),
            models.CheckConstraint(
                name="consent_withdrawn_after_granted",
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("granted_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} ({self.customer_id})"


class Contact(models.Model):
    """
    How a customer is reached by e-mail, and when not. Who never said anything has no row: no address, nights quiet.

    The address is stored sealed, as the phone is. A new one counts once the code that was sent to it came back.
    """

    customer = models.OneToOneField(
        Customer, on_delete=models.PROTECT, primary_key=True, related_name="contact"
    )
    language = models.CharField(_("language"), max_length=10, default="zh-hans")
    email_encrypted = models.BinaryField(null=True)
    email_confirmed_at = models.DateTimeField(_("address confirmed at"), null=True)
    new_email_encrypted = models.BinaryField(null=True)
    new_email_code_encrypted = models.BinaryField(null=True)
    new_email_until = models.DateTimeField(_("code lives until"), null=True)
    wrong_codes = models.SmallIntegerField(_("wrong codes"), default=0, db_default=0)
    quiet_from = models.TimeField(_("quiet from"), default=time(22))
    quiet_until = models.TimeField(_("quiet until"), default=time(8))
    # When the customer agreed to be e-mailed between 22:00 and 08:00.
    night_agreed_at = models.DateTimeField(_("nights agreed at"), null=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints = [
            models.CheckConstraint(
                name="contact_address_is_confirmed",
                condition=Q(email_encrypted__isnull=True, email_confirmed_at__isnull=True)
                | Q(email_encrypted__isnull=False, email_confirmed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="contact_new_address_has_a_code",
                condition=Q(
                    new_email_encrypted__isnull=True,
                    new_email_code_encrypted__isnull=True,
                    new_email_until__isnull=True,
                )
                | Q(
                    new_email_encrypted__isnull=False,
                    new_email_code_encrypted__isnull=False,
                    new_email_until__isnull=False,
                ),
            ),
            models.CheckConstraint(name="contact_wrong_codes_counted", condition=Q(wrong_codes__gte=0)),
            models.CheckConstraint(
                name="contact_language_known", condition=Q(language__in=["zh-hans", "en"])
            ),
            models.CheckConstraint(
                name="contact_nights_are_quiet_unless_agreed",
                condition=Q(night_agreed_at__isnull=False)
                | Q(quiet_from__lte=time(22), quiet_until__gte=time(8), quiet_from__gt=F("quiet_until")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}"


class Channel(models.TextChoices):
    IN_APP = "in_app", _("in the app")
    EMAIL = "email", _("by e-mail")


class NoticePreference(models.Model):
    """Whether a customer wants one kind of notice over one channel; without a row, what the kind says."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="notice_preferences")
    kind = models.CharField(_("kind"), max_length=40)
    channel = models.CharField(_("channel"), max_length=6, choices=Channel.choices)
    wanted = models.BooleanField(_("wanted"))
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("notice preference")
        verbose_name_plural = _("notice preferences")
        constraints = [
            models.UniqueConstraint(name="notice_preference_once", fields=["customer", "kind", "channel"]),
            models.CheckConstraint(
                name="notice_preference_channel_known", condition=Q(channel__in=Channel.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel}"


class Notice(models.Model):
    """What a customer was told: a kind and its figures, put into words by `customers.notices` when read. Only read once."""

    id = models.BigAutoField(primary_key=True)
    # No foreign key: a close tells everybody at once, and customers are never deleted.
    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="notices"
    )
    kind = models.CharField(_("kind"), max_length=40)
    figures = models.JSONField(_("figures"))
    reference = models.CharField(_("reference"), max_length=100)
    noticed_on = models.DateField(_("told on"))
    in_app = models.BooleanField(_("shown in the app"))
    created_at = models.DateTimeField(_("recorded at"), db_default=Now())
    read_at = models.DateTimeField(_("read at"), null=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.UniqueConstraint(name="notice_once_per_reference", fields=["reference"]),
            models.CheckConstraint(name="notice_names_what_it_is", condition=~Q(kind="") & ~Q(reference="")),
        ]
        indexes = [
            models.Index(name="notice_by_customer", fields=["customer", "-id"]),
            models.Index(
                name="notice_unread", fields=["customer"], condition=Q(read_at__isnull=True, in_app=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.noticed_on}"


class EmailPurpose(models.TextChoices):
    NOTICE = "notice", _("a notice")
    CONFIRMATION = "confirmation", _("confirming an address")
    SHOP = "shop", _("something a shop is told")


class EmailState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    SENT = "sent", _("sent")
    PARKED = "parked", _("parked after failures")
    DROPPED = "dropped", _("not sent any more")


class EmailDelivery(models.Model):
    """
    One e-mail to send, written together with what it tells. It is sent by whoever locks it while it waits.

    It is to a customer, of a notice or to confirm an address; or to who signs in for a shop, once per reference, and bears
    what it tells itself: shops have no list of notices.

    Sending and the record of it are one transaction, so an e-mail is sent at least once; again only if that was cut short.
    """

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="email_deliveries"
    )
    notice = models.OneToOneField(Notice, on_delete=models.PROTECT, null=True, related_name="delivery")
    shop_login = models.ForeignKey(
        ShopLogin, on_delete=models.PROTECT, null=True, related_name="email_deliveries"
    )
    kind = models.CharField(_("kind"), max_length=40, default="", db_default="")
    figures = models.JSONField(_("figures"), null=True)
    reference = models.CharField(_("reference"), max_length=100, null=True, unique=True)  # noqa: DJ001 (unique where said)
    purpose = models.CharField(_("purpose"), max_length=12, choices=EmailPurpose.choices)
    state = models.CharField(
        _("state"), max_length=8, choices=EmailState.choices, default="waiting", db_default="waiting"
    )
    attempts = models.SmallIntegerField(_("attempts"), default=0, db_default=0)
    next_attempt_at = models.DateTimeField(_("not before"), db_default=Now())
    # Why the last attempt failed, or why it is not sent any more.
    reason = models.CharField(_("reason"), max_length=200, default="", db_default="")
    sent_to = models.CharField(_("sent to"), max_length=80, default="", db_default="")
    sent_at = models.DateTimeField(_("sent at"), null=True)
    created_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        permissions = [("retry_emaildelivery", "Can have parked e-mails tried again")]
        constraints = [
            models.CheckConstraint(name="email_state_known", condition=Q(state__in=EmailState.values)),
            models.CheckConstraint(
                name="email_is_about_something",
                condition=Q(purpose="notice", notice__isnull=False)
                | Q(purpose__in=["confirmation", "shop"], notice__isnull=True),
            ),
            models.CheckConstraint(
                name="email_is_to_somebody",
                condition=Q(
                    purpose="shop",
                    shop_login__isnull=False,
                    customer__isnull=True,
                    figures__isnull=False,
                    reference__isnull=False,
                )
                & ~Q(kind="")
                | ~Q(purpose="shop")
                & Q(
                    shop_login__isnull=True,
                    customer__isnull=False,
                    kind="",
                    figures__isnull=True,
                    reference__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="email_sent_has_its_instant",
                condition=Q(state="sent", sent_at__isnull=False) | ~Q(state="sent") & Q(sent_at__isnull=True),
            ),
            models.CheckConstraint(name="email_attempts_counted", condition=Q(attempts__gte=0)),
            models.UniqueConstraint(
                name="email_one_confirmation_waits",
                fields=["customer"],
                condition=Q(purpose="confirmation", state="waiting"),
            ),
        ]
        indexes = [
            models.Index(name="email_waiting", fields=["next_attempt_at"], condition=Q(state="waiting")),
            models.Index(name="email_parked", fields=["id"], condition=Q(state="parked")),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class ApiKey(models.Model):
    """
    A key to the API: a shop's, or, without a shop, one of the lender's own systems'.

    Only the hash of its secret is stored; `prefix` is the part of the token by which it is found. What a key may is never
    changed (the database refuses it): revoke it and make another.
    """

    prefix = models.CharField(_("begins with"), max_length=16, unique=True)
    secret_hash = models.BinaryField(max_length=32)
    name = models.CharField(_("name"), max_length=80)
    shop = models.ForeignKey(
        Shop, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("shop")
    )
    scopes = ArrayField(models.CharField(max_length=40), verbose_name=_("scopes"))
    per_minute = models.IntegerField(_("requests a minute"), default=6000)
    created_at = models.DateTimeField(_("made at"))
    created_by = models.CharField(_("made by"), max_length=150)
    revoked_at = models.DateTimeField(_("revoked at"), null=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = [
            models.CheckConstraint(name="api_key_rate_positive", condition=Q(per_minute__gt=0)),
            models.CheckConstraint(
                name="api_key_revoked_after_made",
                condition=Q(revoked_at__isnull=True) | Q(revoked_at__gte=F("created_at")),
            ),
        ]

    def __str__(self) -> str:
        return self.name
