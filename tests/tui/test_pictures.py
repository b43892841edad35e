"""The screen at 40, 80 and 200 columns, as text. Drawn anew by: python -m tests.tui.test_pictures"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from chatctl.client import events as e
from chatctl.client.client import Client, Member
from chatctl.tui.actions import NullClient
from chatctl.tui.app import ChatApp
from chatctl.tui.connect.event_queue import EventQueue
from chatctl.tui.connect.login_worker import LoginWorker
from tests.tui.screens import LocalLogin, Screen

SIZES = ((40, 12), (80, 24), (200, 50))
FOLDER = Path(__file__).with_name("pictures")
START = datetime(2026, 11, 21, 23, 58, tzinfo=UTC)


class Puppet(NullClient):
    """A client that knows some people."""

    online = running = True
    waiting = 0
    error = None

    def people(self, room: str) -> list[Member]:
        return [
            Member("ann", "@", False),
            Member("bob", "", False),
            Member("carol", "", True),
            Member("山田", "+", False),
        ]

    def stop(self, reason: str = "") -> None:
        return

    def measure(self) -> None:
        return


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def said(minutes: int, name: str, text: str, room: str = "#lobby", **more: object) -> e.RoomMessage:
    return e.RoomMessage(time=at(minutes), room=room, name=name, text=text, **more)  # type: ignore[arg-type]


STORY: tuple[e.Event, ...] = (
    e.Connected(time=at(0), name="ann", server="s", network="teahouse"),
    e.Joined(time=at(0), room="#lobby", name="ann", own=True),
    e.Joined(time=at(0), room="#dev", name="ann", own=True),
    e.Topic(time=at(0), room="#lobby", text="Be kind, have fun: https://example.org/rules"),
    *(e.Joined(time=at(0), room="#lobby", name=name) for name in ("alice", "bob", "carol", "dave", "山田")),
    said(1, "bob", "Hi Ann! 你好 👋 this has **bold**, `code` and a link: https://example.org/a?b=c.", id="m1"),
    said(4, "山田", "ann: おはようございます", id="m2"),
    e.Reacted(time=at(4), target="#lobby", id="m2", name="bob", reaction="👍"),
    e.Reacted(time=at(4), target="#lobby", id="m2", name="carol", reaction="👍"),
    said(5, "ann", "good morning", id="m3", own=True, reply="m2"),
    said(6, "bob", "waves", kind="action", id="m4"),
    said(7, "dave", "שלום לכולם", id="m5"),
    said(
        8,
        "carol",
        "two lines:\nthe second is a little longer than the first, so that it wraps on most screens",
        id="m6",
    ),
    e.Parted(time=at(9), name="dave", rooms=("#lobby",), how="quit", reason="tea"),
    e.Deleted(time=at(9), target="#lobby", id="m4", name="bob"),
    said(10, "eve", "is anybody here? ann?", room="#dev", id="d1"),
    said(10, "eve", "annual report", room="#dev", id="d2"),
    e.PrivateMessage(time=at(11), name="bob", to="ann", text="psst", id="p1"),
    e.Typing(time=at(12), target="#lobby", name="bob", state="active"),
    e.Latency(time=at(12), seconds=0.003),
)


async def picture(width: int, height: int) -> str:
    """The screen after the story."""
    app = ChatApp(LoginWorker(LocalLogin(1), EventQueue()), look="terminal")
    async with app.run_test(size=(width, height)) as pilot:
        app.client = cast(Client, Puppet())
        app.model.going = "#lobby"
        app.model.me = "ann"
        for event in STORY:
            app.model.event(event)
        app.model.buffers.current.log.begins = True
        app.model.say("is this one on its way?", "message", "#lobby", 7, at(13).timestamp())
        app.model.say("and this one?", "message", "#lobby", 8, at(13).timestamp())
        app.model.event(e.Failed(time=at(13), text="You may not speak here", code="404", about="#lobby", ticket=8))
        app.draw()
        await pilot.pause()
        rows = Screen(app, pilot).rows()
        app.client = None
    return "\n".join(rows) + "\n"


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.usefixtures("utc")
def test_screens_equal_their_pictures(width: int, height: int) -> None:
    assert asyncio.run(picture(width, height)) == (FOLDER / f"{width}.txt").read_text(encoding="utf-8")


def main() -> None:
    """Draw them anew; look at them before they are committed."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    for width, height in SIZES:
        (FOLDER / f"{width}.txt").write_text(asyncio.run(picture(width, height)), encoding="utf-8")


if __name__ == "__main__":
    main()
