"""
Stories of credit lines, and how they are told to the oracle.

A story is the JSON object that `./manage.py simulate_line` reads, so a story that fails can be told to it as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from typing import Any

from tests.properties.line_oracle import Bought, LineOracle
from tests.properties.oracle_campaigns import Campaign, Figures
from tests.properties.oracle_plans import Plan
from tests.properties.oracle_rules import DAY, Refused, Rules
from tests.properties.oracle_shares import Share

Story = dict[str, Any]
Event = dict[str, Any]

# The second row of terms that the tests write (see line_product.py): every figure differs from the first.
NEW_TERMS_FROM = date(2027, 2, 20)
NEW_RULES = Rules(
    Fraction(4, 10_000),
    Fraction(75, 100_000),
    Fraction(15, 100),
    5,
    receipt_days=6,
    order=("principal", "fee", "penalty", "interest"),
    fees={2: Fraction(1, 100), 6: Fraction(50_001, 1_000_000), 24: Fraction(15, 100)},
    fees_waived=True,
    smallest_plan=50_01,
    smallest_cap=50_00,
    largest_cap=2_000_00,
)


def rules_on(on: date) -> Rules:
    return NEW_RULES if on >= NEW_TERMS_FROM else Rules()


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def fen_of(text: str) -> int:
    whole, _, cents = text.partition(".")
    return int(whole) * 100 + int(cents.ljust(2, "0"))


def oracle_of(story: Story) -> LineOracle:
    line = story["line"]
    return LineOracle(
        limit=fen_of(line["limit"]),
        statement_day=line["statement_day"],
        due_day=line["due_day"],
        opened_on=date.fromisoformat(line["opened_on"]),
        rules=rules_on,
    )


def happen(oracle: LineOracle, event: Event, *, at_once: bool) -> None:
    """One event of a story happens to the oracle. Raises Refused."""
    on, ref = date.fromisoformat(event["on"]), event["ref"]
    fen = fen_of(event["amount"]) if "amount" in event else None
    instalments: Any = event.get("instalments")
    value_on = date.fromisoformat(event["value_date"]) if "value_date" in event else None
    acts: dict[str, Callable[[], None]] = {
        "purchase": lambda: oracle.purchase(
            on,
            ref,
            fen or 0,
            capture=at_once,
            instalments=instalments,
            escrow=event.get("escrow", False),
            share=event.get("share"),
            campaign=event.get("campaign"),
        ),
        "campaign": lambda: oracle.campaigns.begin(on, _campaign_of(event), oracle.rules(on)),
        "campaign_changed": lambda: oracle.campaigns.change(on, ref, **_figures_of(event)),
        "campaign_ended": lambda: oracle.campaigns.end(on, ref),
        "share": lambda: oracle.shares.invite(ref, fen or 0, oracle.rules(on), oracle.status),
        "share_accepted": lambda: oracle.shares.accept(ref),
        "share_cap": lambda: oracle.shares.change_cap(ref, fen or 0, oracle.rules(on)),
        "share_ended": lambda: oracle.shares.end(ref),
        "share_left": lambda: oracle.shares.end(ref),
        "posting": lambda: oracle.shops.say(
            on,
            date.fromisoformat(event.get("first_day") or event["on"]),
            escrow=event.get("escrow", False),
            on_receipt=event["posting"] == "receipt",
        ),
        "receipt": lambda: oracle.receive(on, ref),
        "statement_plan": lambda: oracle.statement_plan(on, ref, fen or 0, instalments),
        "payoff": lambda: oracle.payoff(on, ref),
        "capture": lambda: oracle.capture(on, ref, fen, final=event.get("final", True)),
        "void": lambda: oracle.void(on, ref),
        "refund": lambda: oracle.refund(on, ref, fen),
        "repayment": lambda: oracle.repay(on, ref, fen or 0, value_on),
        "reversal": lambda: oracle.take_back(on, ref),
        "calendar_change": lambda: oracle.change_calendar(on, event["statement_day"]),
        "limit": lambda: oracle.change_limit(fen or 0),
        "temporary_limit": lambda: oracle.raise_temporarily(
            on, fen or 0, date.fromisoformat(event["last_day"])
        ),
        "freeze": lambda: oracle.freeze(ref, event["cause"]),
        "thaw": lambda: oracle.thaw(ref),
        "close": oracle.close,
        "credit_payout": lambda: oracle.pay_out_credit(on, ref, fen or 0),
        "source": lambda: oracle.sources.has(ref, fen or 0),
        "autopay": lambda: setattr(oracle.sources, "choice", event["choice"]),
    }
    acts[event["type"]]()


def _campaign_of(event: Event) -> Campaign:
    given = {"first_day": event["on"], "smallest": "0.01", "largest": "10000000000.00", **event}
    return Campaign(event["ref"], event["instalments"], Figures(**_figures_of(given)))


def _figures_of(event: Event) -> dict[str, Any]:
    """The figures of a campaign that an event names."""
    days = {"starts_on": event.get("first_day"), "last_day": event.get("last_day")}
    amounts = {
        "budget": event.get("amount"),
        "smallest": event.get("smallest"),
        "largest": event.get("largest"),
    }
    return {name: date.fromisoformat(day) for name, day in days.items() if day} | {
        name: fen_of(amount) for name, amount in amounts.items() if amount
    }


def days_of(story: Story) -> Iterator[tuple[date, list[tuple[int, Event]]]]:
    """Each day of a story with its events and their positions, up to and with the day it ends on."""
    agenda: dict[date, list[tuple[int, Event]]] = defaultdict(list)
    for position, event in enumerate(story["events"]):
        agenda[date.fromisoformat(event["on"])].append((position, event))
    day, until = date.fromisoformat(story["line"]["opened_on"]), date.fromisoformat(story["until"])
    while day <= until:
        yield day, agenda[day]
        day += DAY


def named_later(story: Story) -> set[str]:
    """Purchases that a capture or a void names: they are not captured at once."""
    return {event["ref"] for event in story["events"] if event["type"] in ("capture", "void")}


def told_by_oracle(story: Story) -> dict[str, Any]:
    """What the oracle says of a story, in the simulator's words; a refusal without its message."""
    oracle, later, refused = oracle_of(story), named_later(story), []
    for day, events in days_of(story):
        for position, event in events:
            try:
                happen(oracle, event, at_once=event["ref"] not in later)
            except Refused as refusal:
                refused.append((position, str(refusal)))
        if day.isoformat() != story["until"]:
            oracle.end_day(day)
    return ending(oracle, day) | {"refused": refused}


def ending(oracle: LineOracle, on: date) -> dict[str, Any]:
    """Statements and standing of the oracle's line on a date, in the simulator's words."""
    collections = [
        {
            "on": each.on.isoformat(),
            "source": each.source,
            "asked": yuan(each.asked),
            "collected": yuan(each.collected),
        }
        for each in oracle.sources.tries
    ]
    campaigns = [_campaign(campaign) for campaign in oracle.campaigns.by_ref.values()]
    escrow = [_escrow(ref, bought) for ref, bought in oracle.purchases.items() if bought.in_escrow]
    standing: dict[str, Any] = {
        "statements": [
            {
                name: figure.isoformat() if isinstance(figure, date) else yuan(int(str(figure)))
                for name, figure in statement.items()
            }
            for statement in oracle.statements
        ],
        "plans": [_plan(plan) for plan in oracle.debts.plans],
        "drawn": yuan(oracle.drawn),
        "held": yuan(oracle.held),
        "available": yuan(oracle.available),
        "credit": yuan(oracle.debts.credit),
        "owed": yuan(oracle.owed),
        "overdue": yuan(oracle.overdue(on)),
        "status": oracle.status,
    }
    return (
        standing
        | ({"collections": collections} if oracle.sources.behind else {})
        | ({"escrow": escrow} if escrow else {})
        | ({"campaigns": campaigns} if campaigns else {})
        | ({"shares": [_share(share) for share in oracle.shares.every]} if oracle.shares.every else {})
    )


def _campaign(campaign: Campaign) -> dict[str, Any]:
    return {
        "ref": campaign.ref,
        "budget": yuan(campaign.figures.budget),
        "left": yuan(campaign.left),
        "paid": yuan(campaign.paid),
        "ended_on": campaign.ended_on and campaign.ended_on.isoformat(),
    }


def _share(share: Share) -> dict[str, Any]:
    return {
        "ref": share.ref,
        "cap": yuan(share.cap),
        "status": share.status,
        "spent": {f"{month:%Y-%m}": yuan(fen) for month, fen in sorted(share.spent.items()) if fen},
    }


def _escrow(ref: str, bought: Bought) -> dict[str, Any]:
    return {
        "ref": ref,
        "paid_on": bought.bought_on.isoformat(),
        "posted_on": bought.captures[0].posted_on.isoformat() if bought.captures else None,
        "posted": yuan(bought.captured),
        "given_back": yuan(bought.cancelled),
        "confirmed": bought.confirmed,
    }


def _plan(plan: Plan) -> dict[str, Any]:
    rows = [*plan.billed, *((None, row) for row in plan.to_come)]
    return {
        "ref": plan.ref,
        "made_on": plan.made_on.isoformat(),
        "principal": yuan(plan.principal),
        "fee": yuan(plan.fee),
        "periods": plan.periods,
        "rows": [
            {
                "n": row.number,
                "principal": yuan(row.principal),
                "fee": yuan(row.fee),
                "billed_on": on and on.isoformat(),
            }
            for on, row in rows
        ],
        "paid_off_on": plan.paid_off_on and plan.paid_off_on.isoformat(),
    }
