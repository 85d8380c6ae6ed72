"""What the domain refuses is said in both languages, and has the kind that its name says."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

from finance.errors import DomainError, Kind
from lending.refusals import ENGINE_SAYS

ROOT = Path(__file__).resolve().parents[2]
APPS = ("web", "ledger", "customers", "payments", "creditscore", "huabei", "lending", "operations")
# Pure, so it knows no language: what of it reaches people is put into words by `lending.refusals`.
ENGINE = ("finance/loan.py", "finance/replay.py")
# The score's engine is pure as well: it refuses models and data that nobody should have made.
# What only programs and whoever runs them at a terminal are told, or what says that the code itself is wrong.
FOR_MACHINES = {
    "operations/services/line_story.py": "the simulator's input, named field by field",
    "operations/services/line_shopping.py": "the simulator's input, as the line's story runs into it",
    "operations/services/loan_story.py": "the simulator's input, named field by field",
    "operations/services/simulation.py": "the simulator's input",
    "operations/services/loan_simulation.py": "the simulator's input",
    "operations/demo/world.py": "building the demo world, at a terminal",
    "operations/services/business_day.py": "setting the date, at a terminal",
    "operations/services/closing.py": "closing a day, at a terminal",
    "creditscore/card_histories.py": "importing histories, at a terminal",
    "customers/notices.py": "a notice that the code composes wrongly",
    "customers/sealing.py": "a sealed field that cannot be opened, or was tampered with",
    "ledger/services.py": "a posting that no service may ask for",
}


def _refusals(cls: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    for each in cls.__subclasses__():
        yield each
        yield from _refusals(each)


def _known() -> set[type[DomainError]]:
    """Every refusal, with all modules of the apps imported."""
    for app in (*APPS, "finance"):
        package = importlib.import_module(app)
        for module in pkgutil.walk_packages(package.__path__, f"{app}."):
            if ".migrations" not in module.name and ".demo" not in module.name:
                importlib.import_module(module.name)
    return set(_refusals())


def _raised(path: Path, names: set[str]) -> Iterator[tuple[int, ast.expr]]:
    """The line and the message of each refusal that a file raises."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args):
            continue
        called = node.exc.func
        name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        if name in names:
            yield node.lineno, node.exc.args[0]


def _is_bare(message: ast.expr) -> bool:
    """Whether a message is written as a text of one language."""
    if isinstance(message, ast.BinOp):
        return _is_bare(message.left)
    return isinstance(message, ast.JoinedStr) or (
        isinstance(message, ast.Constant) and isinstance(message.value, str)
    )


def test_every_refusal_that_people_see_is_translated() -> None:
    names = {cls.__name__ for cls in _known()}
    bare = [
        f"{name}:{line}"
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if (name := path.relative_to(ROOT).as_posix()) not in FOR_MACHINES
        and not {"migrations", "engine"} & set(path.parts)
        for line, message in _raised(path, names)
        if _is_bare(message)
    ]
    assert bare == [], "give these messages gettext"


def test_what_is_said_to_machines_only_still_is() -> None:
    names = {cls.__name__ for cls in _known()}
    for name in FOR_MACHINES:
        assert any(_is_bare(message) for _line, message in _raised(ROOT / name, names)), name


def test_what_the_loan_engine_refuses_can_be_said_in_both_languages() -> None:
    constants = {
        message.value
        for name in ENGINE
        for _line, message in _raised(ROOT / name, {"LoanError"})
        if isinstance(message, ast.Constant)
    }
    given_up = re.findall(r'_require_running\("([a-z ]+)"\)', (ROOT / "finance/replay.py").read_text())
    constants |= {f"the loan was given up: cannot {what}" for what in given_up}
    assert given_up
    assert constants == set(ENGINE_SAYS)


def test_the_kind_of_a_refusal_is_what_its_code_says() -> None:
    wanted = {"_not_found": Kind.NOT_FOUND, "_conflict": Kind.CONFLICT}
    wrong = [
        f"{cls.__module__}.{cls.__name__}: {cls.kind}"
        for cls in _known()
        for ending, kind in wanted.items()
        if cls.code.endswith(ending) and cls.kind is not kind
    ]
    assert wrong == []
