"""
The ratchet for function and file length: `python -m tests.architecture.lengths`.

Limits and exceptions stand in pyproject.toml, [tool.lengths]. An exception names a file or `file::function` with the
length it has today; it fails when the thing grows, and also when it shrinks, so that the number is taken down with it.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def measured(path: Path) -> Iterator[tuple[str, int, str]]:
    """Each thing with a length in a Python file: its name, its lines, and which limit it falls under."""
    source = path.read_text()
    name = path.relative_to(ROOT).as_posix()
    yield name, source.count("\n"), "file"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name}::{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1, "function"


def complaints() -> list[str]:
    """What is too long, or shorter than the exception that excuses it."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["lengths"]
    exceptions: dict[str, int] = dict(config.get("exceptions", {}))
    found = []
    for folder in config["paths"]:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            for name, lines, kind in measured(path):
                allowed = exceptions.pop(name, None)
                if allowed is None and lines > config[kind]:
                    found.append(
                        f"{name}: {lines} lines, {config[kind]} allowed for a {kind}: split it by noun"
                    )
                elif allowed is not None and lines > allowed:
                    found.append(f"{name}: {lines} lines, its exception allows {allowed}: it may not grow")
                elif allowed is not None and lines < allowed:
                    found.append(f"{name}: {lines} lines, its exception says {allowed}: take the number down")
    found += [f"{name}: no longer exists: take the exception out" for name in exceptions]
    return found


if __name__ == "__main__":
    lines = complaints()
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(1 if lines else 0)
