"""./manage.py score: the score of one person, explained, or how everybody's scores are spread. Nothing is published."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import translation
from django.utils.translation import gettext as _

from creditscore import selectors
from creditscore.feature_rows import feature_batches
from creditscore.models import ModelVersion
from creditscore.scoring import PersonScore, score_features, score_people
from creditscore.services import registry
from customers.models import Customer
from customers.selectors import find_by_national_id, masked_national_id, registered_ids
from finance.errors import DomainError
from operations.arguments import iso_date
from operations.management.terminal import TerminalCommand
from operations.services import closing


class Command(TerminalCommand):
    help = (
        "Scores a person and explains the score, or with --all everybody, printing how the scores are spread. This is what a "
        "publication as of that date would say; nothing is stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("national_id", nargs="?", help="the person's national ID, 18 characters")
        whom.add_argument("--all", dest="everybody", action="store_true", help="everybody")
        parser.add_argument(
            "--as-of",
            type=iso_date,
            metavar="YYYY-MM-DD",
            help="from what was known on this date (default: the business date, or where none is set, the day before the "
            "publication after the newest observations)",
        )
        parser.add_argument("--json", dest="as_json", action="store_true", help="print the result as JSON")

    def handle(
        self,
        *args: Any,
        national_id: str | None,
        everybody: bool,
        as_of: date | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        try:
            on = as_of or _default_as_of()
            if everybody:
                answer = _everybody(on)
                lines = _spread_lines(answer)
            else:
                customer = _found(national_id or "")
                answer = _one(customer, on)
                lines = _person_lines(answer)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        if as_json:
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
        else:
            for line in lines:
                self.stdout.write(line)


def _default_as_of() -> date:
    if closing.is_open():
        return closing.business_date()
    newest = selectors.newest_as_of()
    if newest is None:
        raise CommandError(
            _("Nothing is known of anybody: import histories first, with ./manage.py import_card_histories.")
        )
    return newest


def _found(national_id: str) -> Customer:
    customer = find_by_national_id(national_id)
    if customer is None:
        raise CommandError(_("No customer has this national ID."))
    return customer


def _one(customer: Customer, as_of: date) -> dict[str, Any]:
    """The answer for one person, with every text in each language of the site."""
    version = registry.champion()
    model = registry.load(version)
    started = time.perf_counter()
    score = score_people(customer_ids=[customer.id], as_of=as_of, model=model)[0]
    milliseconds = (time.perf_counter() - started) * 1000
    published = selectors.published_score(customer_id=customer.id, on=as_of)
    return {
        "customer": str(customer.id),
        "national_id": masked_national_id(customer),
        "as_of": as_of.isoformat(),
        "model": _model(version),
        "points": score.points,
        "band": score.band or None,
        "default_probability": score.default_probability,
        "months_known": score.months_known,
        "not_scored": score.not_scored or None,
        "published": published
        and {
            "on": published.published_on.isoformat(),
            "points": published.points,
            "band": published.band or None,
        },
        "explanation": {language: _in(language, score) for language, _name in settings.LANGUAGES},
        "milliseconds": round(milliseconds, 2),
    }


def _model(version: ModelVersion) -> dict[str, Any]:
    return {"id": version.id, "sha256": version.sha256, "as_of": version.as_of.isoformat()}


def _in(language: str, score: PersonScore) -> dict[str, Any]:
    with translation.override(language):
        words = selectors.explained(
            points=score.points,
            band=score.band,
            not_scored=score.not_scored,
            sub_scores=score.sub_scores,
            reasons=score.reasons,
        )
        return {
            "band": words.band or None,
            "why_not": words.why_not or None,
            "dimensions": [
                {"code": each.code, "label": each.label, "sub_score": each.sub_score}
                for each in words.dimensions
            ],
            "lowering": [{"code": e.code, "points": e.points, "text": e.text} for e in words.lowering],
            "raising": [{"code": e.code, "points": e.points, "text": e.text} for e in words.raising],
        }


def _person_lines(answer: dict[str, Any]) -> Iterator[str]:
    words = answer["explanation"][translation.get_language() or settings.LANGUAGE_CODE]
    if answer["points"] is None:
        yield _("N/A as of %(as_of)s: %(why)s") % {"as_of": answer["as_of"], "why": words["why_not"]}
        return
    yield _("%(points)d points, %(band)s, as of %(as_of)s; probability of default %(probability)s") % {
        "points": answer["points"],
        "band": words["band"],
        "as_of": answer["as_of"],
        "probability": f"{answer['default_probability']:.1%}",
    }
    for dimension in words["dimensions"]:
        sub_score = "-" if dimension["sub_score"] is None else dimension["sub_score"]
        yield f"  {sub_score:>4}  {dimension['label']}"
    for reason in (*words["lowering"], *words["raising"]):
        yield f"  {reason['points']:>+6.0f}  {reason['text']}"
    if answer["published"]:
        yield _("Published on %(on)s: %(points)s") % {
            "on": answer["published"]["on"],
            "points": answer["published"]["points"] or _("N/A"),
        }


def _everybody(as_of: date) -> dict[str, Any]:
    """How everybody's scores are spread, and how fast they were computed, with reasons, from the database."""
    version = registry.champion()
    model = registry.load(version)
    started = time.perf_counter()
    bands: Counter[str] = Counter()
    not_scored: Counter[str] = Counter()
    people = registered_ids(on=as_of)
    for batch, rows in feature_batches(as_of=as_of, customer_ids=people):
        for score in score_features(customer_ids=batch, rows=rows, as_of=as_of, model=model):
            bands[score.band] += 1
            if score.points is None:
                not_scored[score.not_scored] += 1
    if not people:
        raise CommandError(_("Nobody was registered by %(as_of)s.") % {"as_of": as_of})
    seconds = time.perf_counter() - started
    return {
        "as_of": as_of.isoformat(),
        "model": _model(version),
        "people": len(people),
        "bands": [
            {"code": band.code or None, "label": band.label, "people": band.people}
            for band in selectors.band_counts(dict(bands))
        ],
        "not_scored": dict(not_scored),
        "seconds": round(seconds, 2),
        "people_per_second": round(len(people) / seconds),
    }


def _spread_lines(answer: dict[str, Any]) -> Iterator[str]:
    most = max(band["people"] for band in answer["bands"])
    for band in answer["bands"]:
        yield f"  {band['people']:>9,}  {'▇' * round(40 * band['people'] / most):<40}  {band['label']}"
    yield _("%(people)s people as of %(as_of)s in %(seconds)s s: %(rate)s a second, with reasons") % {
        "people": f"{answer['people']:,}",
        "as_of": answer["as_of"],
        "seconds": answer["seconds"],
        "rate": f"{answer['people_per_second']:,}",
    }
