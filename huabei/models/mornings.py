"""What is known of a close that is under way, so that a line need not wait for it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from huabei.models.lines import Line


class StepAhead(models.Model):
    """A step that the close of a day has still to do: written as the business date moves, taken away by the step."""

    closed_on = models.DateField(_("day closed"))
    step = models.CharField(_("step"), max_length=48)

    class Meta:
        verbose_name = _("step ahead of a close")
        verbose_name_plural = _("steps ahead of a close")
        constraints = [models.UniqueConstraint(name="step_ahead_once", fields=["closed_on", "step"])]

    def __str__(self) -> str:
        return f"{self.closed_on} {self.step}"


class MadeUp(models.Model):
    """
    A line that lived through the close of a day before the close came to it, since something happened to it on the next day;
    the steps of that close leave it out. Never changed.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    closed_on = models.DateField(_("day closed"))

    class Meta:
        verbose_name = _("line ahead of a close")
        verbose_name_plural = _("lines ahead of a close")
        constraints = [models.UniqueConstraint(name="made_up_once", fields=["closed_on", "line"])]

    def __str__(self) -> str:
        return f"{self.closed_on} {self.line_id}"
