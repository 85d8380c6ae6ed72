"""What an applicant, or whose limit was cut, is told of a review by a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.notices import Message, Step, day, told
from web.templatetags.money import rmb


@told(kind="line.review_asked", name=gettext_lazy("Review asked for"), by_email=False)
@dataclass(frozen=True)
class ReviewAsked(Message):
    """That a person will look at a refusal."""

    decision_id: int
    decided_on: date

    def title(self) -> str:
        return _("A person looks at your application of %(on)s again") % {"on": day(self.decided_on)}

    def body(self) -> list[str]:
        return [_("We tell you here what they decide. You need do nothing.")]

    def step(self) -> Step:
        return Step(_("See your application"), reverse("decision", args=[self.decision_id]))


@told(kind="line.review_decided", name=gettext_lazy("Review decided"), mandatory=True)
@dataclass(frozen=True)
class ReviewDecided(Message):
    """What a person decided, in their words; the limit of the line that was opened, 0 where none was."""

    decision_id: int
    asked_on: date
    limit_fen: int
    reason: str

    def title(self) -> str:
        if self.limit_fen:
            return _("A line of %(limit)s is opened for you") % {"limit": rmb(self.limit_fen)}
        return _("No line is opened: a person looked at it again")

    def body(self) -> list[str]:
        return [
            _("You asked for a review by a person on %(on)s. They say: %(reason)s")
            % {"on": day(self.asked_on), "reason": self.reason}
        ]

    def step(self) -> Step:
        return Step(_("See your application"), reverse("decision", args=[self.decision_id]))


@told(kind="line.limit_review_asked", name=gettext_lazy("Review of a limit asked for"), by_email=False)
@dataclass(frozen=True)
class LimitReviewAsked(Message):
    """That a person will look at the cut of a limit."""

    change_id: int
    changed_on: date

    def title(self) -> str:
        return _("A person looks at your limit again, which was lowered on %(on)s") % {
            "on": day(self.changed_on)
        }

    def body(self) -> list[str]:
        return [_("We tell you here what they decide. You need do nothing.")]

    def step(self) -> Step:
        return _see_the_cut(self.change_id)


@told(kind="line.limit_review_decided", name=gettext_lazy("Review of a limit decided"), mandatory=True)
@dataclass(frozen=True)
class LimitReviewDecided(Message):
    """
    What a person decided of a limit that was cut, in their words; the limit that stands then, with what is lent for a time,
    0 where nothing was given back.
    """

    change_id: int
    asked_on: date
    limit_fen: int
    reason: str

    def title(self) -> str:
        if self.limit_fen:
            return _("Your limit is %(limit)s now: a person looked at it") % {"limit": rmb(self.limit_fen)}
        return _("Your limit stays as it is: a person looked at it again")

    def body(self) -> list[str]:
        return [
            _("You asked for a review by a person on %(on)s. They say: %(reason)s")
            % {"on": day(self.asked_on), "reason": self.reason}
        ]

    def step(self) -> Step:
        return _see_the_cut(self.change_id)


def _see_the_cut(change_id: int) -> Step:
    return Step(_("See what was changed"), reverse("limit_change", args=[change_id]))
