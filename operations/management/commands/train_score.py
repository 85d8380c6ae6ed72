"""./manage.py train_score: a score model from the database, measured on people it never saw, stored in the registry."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from finance.errors import DomainError
from operations.arguments import iso_date
from operations.management.terminal import TerminalCommand


class Command(TerminalCommand):
    help = (
        "Trains a score model from what was known on a date and who defaulted in that month. Rows whose number ends in 0, 1 "
        "or 2 are never fitted: they measure the model. The first model becomes the champion, later ones with --promote."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of",
            type=iso_date,
            metavar="YYYY-MM-DD",
            help="train on what was known on this date (default: before the publication of the newest month with outcomes)",
        )
        parser.add_argument(
            "--promote",
            action=BooleanOptionalAction,
            default=None,
            help="make it the model that scores, or do not",
        )
        parser.add_argument(
            "--json", dest="as_json", action="store_true", help="print the measurements as JSON"
        )

    def handle(
        self, *args: Any, as_of: date | None, promote: bool | None, as_json: bool, **options: Any
    ) -> None:
        # Here and not above: XGBoost and scikit-learn take seconds to import, which --help does not need.
        from creditscore.services.training import Training, default_as_of, train_score

        started = time.monotonic()
        try:
            trained: Training = train_score(
                as_of=as_of or default_as_of(), at=timezone.now(), promote=promote
            )
        except DomainError as refusal:
            raise CommandError(_("No model was trained: %(why)s") % {"why": refusal.message}) from refusal
        report = {
            "model": trained.version.id,
            "sha256": trained.version.sha256,
            "state": trained.version.state,
            "as_of": trained.version.as_of.isoformat(),
            "seconds": round(time.monotonic() - started, 2),
            **trained.metrics,
        }
        if as_json:
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
        else:
            for line in _lines(report):
                self.stdout.write(line)


def _lines(report: dict[str, Any]) -> Iterator[str]:
    """The report for a person to read."""
    yield _("Model %(model)d (%(state)s), as of %(as_of)s, hash %(hash)s, %(seconds)s s") % {
        **report,
        "hash": report["sha256"][:12],
    }
    yield _("%(people)s people, %(bad)s defaulted: %(fitted)s to fit, %(held_out)s held out") % {
        "people": f"{report['people']:,}",
        "bad": f"{report['bad_rate']:.2%}",
        "fitted": f"{report['fitted']:,}",
        "held_out": f"{report['held_out']:,}",
    }
    if report["without_history"]:
        yield _("%(people)s with an outcome had too little history to be scored") % {
            "people": f"{report['without_history']:,}"
        }
    yield ""
    yield (
        f"AUC {report['auc']:.4f}   KS {report['ks']:.4f}   Brier {report['brier']:.4f}   "
        f"ECE {report['calibration_error']:.4f}"
    )
    yield ""
    yield _("Calibration, by tenth of risk: predicted, observed")
    for bin_ in report["calibration"]:
        yield f"  {bin_['people']:>7,}  {bin_['predicted']:>7.2%}  {bin_['observed']:>7.2%}"
    yield ""
    yield _("Fairness at %(points)d points: people, defaulted, selected, of the best group's rate, AUC") % {
        "points": report["fairness"]["approval_points"]
    }
    for attribute in ("sex", "marital_status", "age"):
        for group in report["fairness"][attribute]:
            auc = "-" if group["auc"] is None else f"{group['auc']:.3f}"
            yield (
                f"  {attribute + ' ' + str(group['group']):<24} {group['people']:>7,}  {group['bad_rate']:>6.1%}  "
                f"{group['selection_rate']:>6.1%}  {group['selection_ratio']:>5.2f}  {auc}"
            )
    yield ""
    yield _("What the trees ask most")
    for name, share in list(report["importance"].items())[:10]:
        yield f"  {name:<26} {share:>6.1%}"
