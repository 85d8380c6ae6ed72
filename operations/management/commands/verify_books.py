"""`./manage.py verify_books`: prove the books, or name the rows at fault."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ledger.audit import Finding, verify
from operations.audit import CHECKS, REPLAYS
from operations.management.terminal import TerminalCommand


class Command(TerminalCommand):
    help = _(
        "Checks the books against every rule they keep, on one state of them and while work goes on. Prints what was "
        "checked; where a rule is broken it names the rows at fault and exits with 1."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("print one JSON document instead of lines"))
        parser.add_argument(
            "--replay",
            action="store_true",
            help=_("also tell every line's life anew from its facts and compare: some milliseconds a line"),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        findings = []
        for finding in verify((*CHECKS, *REPLAYS) if options["replay"] else CHECKS):
            findings.append(finding)
            if not options["json"]:
                self._print(finding)
        broken = [finding for finding in findings if not finding.holds]
        if options["json"]:
            self.stdout.write(json.dumps(_document(findings), ensure_ascii=False, indent=2))
        if broken:
            raise CommandError(
                ngettext(
                    "%(broken)d of %(checks)d rules is broken: the books are wrong.",
                    "%(broken)d of %(checks)d rules are broken: the books are wrong.",
                    len(broken),
                )
                % {"broken": len(broken), "checks": len(findings)}
            )
        if not options["json"]:
            self.stdout.write(
                self.style.SUCCESS(
                    _("All %(checks)d rules hold: %(rows)s rows examined in %(seconds).2f s.")
                    % {
                        "checks": len(findings),
                        "rows": f"{sum(finding.rows_examined for finding in findings):,}",
                        "seconds": time.perf_counter() - started,
                    }
                )
            )

    def _print(self, finding: Finding) -> None:
        verdict = self.style.SUCCESS(_("ok")) if finding.holds else self.style.ERROR(_("NOT"))
        self.stdout.write(
            f"{finding.check.name:<22}{finding.rows_examined:>14,}{finding.seconds:>8.2f} s  {verdict:<4} "
            f"{finding.check.sentence}"
        )
        for fault in finding.faults:
            self.stdout.write(
                "    "
                + _("%(table)s %(id)s: expected %(expected)s, found %(found)s")
                % {
                    "table": fault.table,
                    "id": fault.id,
                    "expected": fault.expected or _("nothing"),
                    "found": fault.found or _("nothing"),
                }
            )
        if finding.more:
            self.stdout.write("    " + _("… and more"))


def _document(findings: list[Finding]) -> dict[str, Any]:
    return {
        "holds": all(finding.holds for finding in findings),
        "checks": [
            {
                "name": finding.check.name,
                "rule": str(finding.check.sentence),
                "holds": finding.holds,
                "rows_examined": finding.rows_examined,
                "seconds": round(finding.seconds, 3),
                "faults": [
                    {"table": fault.table, "id": fault.id, "expected": fault.expected, "found": fault.found}
                    for fault in finding.faults
                ],
                "more_faults": finding.more,
            }
            for finding in findings
        ],
    }
