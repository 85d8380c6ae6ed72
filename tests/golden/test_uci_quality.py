"""The whole way through the commands on the UCI file: import, train, score everybody, publish. The held-out people judge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from creditscore.models import Outcome, Score

pytestmark = pytest.mark.django_db


def answer(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command(*arguments, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.fixture(scope="module")
def reports(
    shared_dir: Path, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[str, Any]]:
    """What the commands said, in a transaction around this module's tests."""
    file = shared_dir / "data" / "uci_credit_card_default.csv.gz"
    with django_db_blocker.unblock(), transaction.atomic():
        imported = answer("import_card_histories", str(file))
        trained = answer("train_score")
        call_command("publish_scores", "--on", "2005-10-06", stdout=StringIO())
        yield {"imported": imported, "trained": trained}
        transaction.set_rollback(True)


def test_all_histories_are_imported(reports: dict[str, Any]) -> None:
    imported = reports["imported"]
    assert (imported["people"], imported["new_account_months"], imported["defaulted"]) == (
        30_000,
        180_000,
        6_636,
    )


def test_the_model_trained_on_the_database_is_as_good_as_the_best_known(reports: dict[str, Any]) -> None:
    trained = reports["trained"]
    assert (trained["fitted"], trained["held_out"]) == (21_000, 9_000)
    assert trained["auc"] >= 0.785
    assert trained["ks"] >= 0.43
    assert trained["brier"] <= 0.1335
    assert trained["calibration_error"] <= 0.0125


def test_the_published_scores_rank_the_held_out_people_as_well_as_the_model(reports: dict[str, Any]) -> None:
    """Not the report's word for it: the published points against the recorded outcomes, by counting pairs."""
    points = dict(Score.objects.values_list("customer_id", "points"))
    held = [
        (points[customer_id], defaulted)
        for customer_id, defaulted, row in Outcome.objects.values_list(
            "customer_id", "defaulted", "row_number"
        )
        if row % 10 in (0, 1, 2)
    ]
    assert len(held) == 9_000
    bad = np.array([p for p, defaulted in held if defaulted])
    good = np.sort([p for p, defaulted in held if not defaulted])
    below = (np.searchsorted(good, bad, "left") + np.searchsorted(good, bad, "right")) / 2
    auc = 1 - below.mean() / len(good)
    assert auc >= 0.785
    assert auc == pytest.approx(reports["trained"]["auc"], abs=0.001)  # whole points tie a few people


def test_no_group_is_turned_away_far_more_often_than_its_defaults_explain(reports: dict[str, Any]) -> None:
    fairness = reports["trained"]["fairness"]
    for attribute in ("sex", "marital_status"):
        for group in fairness[attribute]:
            if group["people"] >= 500:
                assert group["selection_ratio"] >= 0.8, group
    assert {group["group"] for group in fairness["age"]} == {
        "under 25",
        "25-34",
        "35-44",
        "45-59",
        "60 and over",
    }
