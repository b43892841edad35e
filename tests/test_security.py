"""SECURITY.md names tests: they exist. It names bounds: they are what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from chatctl.chat.apply import members, membership
from chatctl.chat.commands import monitor_list
from chatctl.chat.engine import commit_gate
from chatctl.chat.engine.rate_limit import ADDRESS_FACTOR, BURST_SECONDS, COSTS, OTHER_COST
from chatctl.chat.model import mask_lists, server_bans, state
from chatctl.chat.model.policy import Rules
from chatctl.config.settings import LimitSettings as Settings
from chatctl.server import Limits

ROOT = Path(__file__).parents[1]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text())


def test_every_promise_cites_an_existing_test() -> None:
    missing = [
        f"{file}::{name}"
        for file, name in NAMED
        if not (ROOT / file).exists() or not re.search(rf"^(?:def {name}\(|{name} = )", (ROOT / file).read_text(), re.M)
    ]
    assert missing == []
    lines = (ROOT / "SECURITY.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.endswith("| held by |")]
    unheld = [row for row in rows if "::" not in row]
    assert unheld == []
    assert len(NAMED) > 20


def test_every_bound_is_documented() -> None:
    """Each setting with its default, and the rest in the order of the table."""
    _, _, table = (ROOT / "SECURITY.md").read_text().partition("## Limits")
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = f"{default // 1024**2} MiB" if default >= 1024**2 else str(default)
        assert re.search(rf"`limits\.{name}` \({shown}\b", table), name
    limits, rules = Limits(), Rules()
    assert (BURST_SECONDS, COSTS["NICK"], OTHER_COST, COSTS["PING"], ADDRESS_FACTOR) == (2, 5, 0.2, 0.05, 5)
    kib = 1024
    assert f"| {limits.inbox_bytes // kib} KiB, {limits.inbox_lines:,} lines |" in table
    assert f"| output parked for the disk | {commit_gate.MAX_PARKED_BYTES // kib**2} MiB |" in table
    assert f"unregistered ones of an address | {limits.unregistered_per_address} |" in table
    assert f"| {limits.new_per_second} a second, {limits.new_burst} at once |" in table
    assert f"| bytes before registration | {limits.registration_bytes // kib} KiB |" in table
    assert f"| users | `listener_limit` ({rules.listener_limit}) |" in table
    assert f"sessions of one user | {members.MAX_SESSIONS} |" in table
    assert f"| rooms of a user | {rules.max_rooms} |" in table
    assert f"kept for an account | {state.MAX_FOUNDED_ROOMS} |" in table
    assert f"without an owner | {state.MAX_EMPTY_ROOMS:,} |" in table
    assert f"invitations) | {mask_lists.MAX_LIST_ENTRIES} |" in table
    assert f"invitations of a user | {membership.MAX_INVITATIONS} |" in table
    assert f"monitors | {monitor_list.MAX_TARGETS} |" in table
    assert f"| bans of the server | {server_bans.MAX_BANS:,} |" in table
