"""SECURITY.md names tests: they exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text())


def test_every_promise_is_held_by_a_test_that_exists() -> None:
    missing = [
        f"{file}::{name}"
        for file, name in NAMED
        if not (ROOT / file).exists() or not re.search(rf"^(?:def {name}\(|{name} = )", (ROOT / file).read_text(), re.M)
    ]
    assert missing == []
    lines = (ROOT / "SECURITY.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    unheld = [row for row in rows[1:] if "::" not in row]
    assert unheld == []
    assert len(NAMED) > 20
