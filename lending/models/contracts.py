"""Contracts as documents: the files that were signed."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Length, Now
from django.utils.translation import gettext_lazy as _

from lending.models.loans import Loan


class LoanContract(models.Model):
    """
    A loan's contract as a PDF in one language, made when it is signed and kept with its hash. Never changed.

    PostgreSQL itself takes the hash of what is stored, so that no row can say another.
    """

    id = models.BigAutoField(primary_key=True)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, db_index=False, related_name="contracts")
    language = models.CharField(_("language"), max_length=10)
    sha256 = models.BinaryField("SHA-256", max_length=32)
    size = models.IntegerField(_("size in bytes"))
    template_version = models.SmallIntegerField(_("version of its template"))
    made_at = models.DateTimeField(_("made at"), db_default=Now())
    content = models.BinaryField()

    class Meta:
        verbose_name = _("loan contract")
        verbose_name_plural = _("loan contracts")
        constraints = [
            models.UniqueConstraint(name="loan_contract_once_per_language", fields=["loan", "language"]),
            models.CheckConstraint(
                name="loan_contract_hash_is_of_its_content",
                condition=Q(
                    sha256=Func(F("content"), function="sha256", output_field=models.BinaryField()),
                    size=Length("content"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.language}"

    @property
    def fingerprint(self) -> str:
        """The hash as people write it."""
        return bytes(self.sha256).hex()
