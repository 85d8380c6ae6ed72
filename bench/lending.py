"""The close of a day of loans against COPYing the rows that it writes, and with as many quiet loans again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from bench.closing import close_skipping_to, doubled_figure, eve_of, figure, may_skip, measured
from bench.figures import Figure, say
from bench.loan_population import Copies, lend, pay_due
from bench.server import BenchServer, use
from finance.dates import add_months
from ledger.audit import verify
from lending.services.quoting import Wish
from operations.services.closing import set_business_date

DAY = timedelta(days=1)
# Seven tenths are due on the 20th of each month; the others on the days between.
LENT, FIRST_DUE = date(2026, 5, 20), date(2026, 6, 20)
ORDINARY, DUE = date(2026, 7, 18), date(2026, 7, 19)
# Numbers of the customers whose loans are copied.
TEMPLATES_FROM = 900_000_000

WISHES = (
    Wish(product="jiebei", amount_fen=12_000_00, method="equal_instalment", periods=12, rate=Decimal("0.0005")),
    Wish(product="jiebei", amount_fen=5_000_00, method="interest_first", periods=6, rate=Decimal("0.0006")),
    Wish(product="taobao", amount_fen=60_000_00, method="equal_principal", periods=12),
    Wish(product="alibaba", amount_fen=80_000_00, method="equal_instalment", periods=12, rate=Decimal("0.1825")),
    Wish(product="wangshangdai", amount_fen=90_000_00, method="equal_instalment", periods=24, rate=Decimal("0.0004")),
)  # fmt: skip


def lent_until_july(server: BenchServer, name: str, *, loans: int) -> Copies:
    """
    A database of loans, two months old. Of those due on the 20th one in ten is late with its first instalment; all others
    paid on their days.
    """
    server.migrated(name)
    set_business_date(on=LENT)
    may_skip(server, name)
    copies = Copies(server, name)
    customers = iter(range(TEMPLATES_FROM, TEMPLATES_FROM + 1_000))
    popular = [lend(wish, customer=next(customers), on=LENT) for wish in WISHES for _ in range(2)]
    for template in popular:
        copies.add(template, loans * 7 // 10 // len(popular), on=LENT)
    between: dict[date, int] = {}
    for n in range(1, 31):
        on = LENT + n * DAY
        template = lend(WISHES[n % len(WISHES)], customer=next(customers), on=on)
        copies.add(template, loans * 3 // 10 // 30, on=on)
        if add_months(on, 1).day == on.day:
            between[add_months(on, 1)] = template
    server.run_sql("VACUUM ANALYZE", database=name)
    use(name)
    close_skipping_to(FIRST_DUE - DAY)
    for template in popular[:-1]:
        pay_due(template, on=FIRST_DUE)
    copies.follow(popular[:-1])
    server.run_sql("VACUUM ANALYZE", database=name)
    use(name)
    day = FIRST_DUE
    while day < ORDINARY:
        close_skipping_to(day)
        day += DAY
        if day in between:
            pay_due(between[day], on=day)
            copies.follow([between[day]])
    server.run_sql("VACUUM ANALYZE", database=name)
    use(name)
    broken = [finding.check.name for finding in verify() if not finding.holds]
    assert not broken, f"the books do not hold: {broken}"
    return copies


def lending(server: BenchServer, *, loans: int, rounds: int) -> Iterator[Figure]:
    """The close of an ordinary day and of the popular due day, and of the former with as many quiet loans again."""
    book, twice = "bench_loans", "bench_loans_twice"
    say(f"loans: {loans:,} of them live through two months")
    copies = lent_until_july(server, book, loans=loans)
    server.create(twice, template=book)
    use(twice)
    _quiet(server, twice, copies, loans=loans)
    due, ordinary, doubled = [], [], []
    eve = eve_of(server, book, DUE)
    for number in range(1, rounds + 1):
        say(f"loans: round {number} of {rounds}")
        due.append(measured(server, eve, DUE, counting=number == 1))
        ordinary.append(measured(server, book, ORDINARY, counting=False))
        with server.copy_of(twice):
            doubled.append(close_skipping_to(ORDINARY))
    yield figure("close_due_day_of_loans", f"close, due day of {loans:,} loans", due, target=0.4)
    yield figure(
        "close_ordinary_day_of_loans", f"close, ordinary day of {loans:,} loans", ordinary, target=None
    )
    yield doubled_figure(
        "close_twice_the_loans_ordinary", "close, ordinary day, twice the loans", ordinary, doubled
    )


def _quiet(server: BenchServer, name: str, copies: Copies, *, loans: int) -> None:
    """As many loans again, lent the day before: they run, and nothing happens to them."""
    on = ORDINARY - DAY
    templates = [lend(wish, customer=TEMPLATES_FROM + 2_000 + n, on=on) for n, wish in enumerate(WISHES)]
    copies.in_database(name)
    for template in templates:
        copies.add(template, loans // len(templates), on=on)
    server.run_sql("VACUUM ANALYZE", database=name)
    use(name)
