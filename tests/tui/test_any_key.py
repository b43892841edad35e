"""Any key at any time, resizes in bursts, clicks, pastes, and whatever a server sends between: the screen stays whole,
and alive. A failure names its seed: `pytest tests/tui/test_any_key.py -k "seed-7"`."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from textual import events

from chatctl.client import Client
from chatctl.client import events as e
from chatctl.client.slash import table
from chatctl.server import Server
from chatctl.tui import keys
from chatctl.tui.widgets.input import MessageInput
from tests.tui.render.test_any_text import CONSOLE, NASTY, are_whole
from tests.tui.screens import LocalLogin, Screen, play, screen

pytestmark = pytest.mark.e2e

STEPS = 120
_KEYS = [key for row in keys.KEY_BINDINGS for key in row.keys.split(",") if key] + [
    "enter", "enter", "alt+enter", "ctrl+j", "tab", "tab", "shift+tab", "up", "down", "left", "right", "home", "end",
    "ctrl+left", "ctrl+right", "backspace", "delete", "escape", "escape", "ctrl+u", "ctrl+k", "ctrl+w", "ctrl+a",
    "ctrl+e", "ctrl+z", "ctrl+y", "ctrl+v", "shift+left", "ctrl+shift+left", "f2", "f12", "insert", "ctrl+home",
    "space", "a", "at", "slash", "number_sign", "ctrl+q", "ctrl+s", "ctrl+r", "ctrl+t", "ctrl+g",
]  # fmt: skip
_WORDS = ["bob", "#lobby", "#dev", "2", "+1", "on", "off", "dark", "light", "x" * 600, "@", "", "0", "99", "+m", "漢字"]


class Chaos:
    """One seed's hands."""

    def __init__(self, seed: int, ann: Screen, bob: Client) -> None:
        self.dice = random.Random(seed)
        self.ann = ann
        self.bob = bob
        self.done: list[str] = []

    async def step(self) -> None:
        kinds = [self.key] * 5 + [self.write, self.paste, self.resize, self.mouse, self.talk, self.handle, self.handle]
        await self.dice.choice(kinds)()

    async def key(self) -> None:
        key = self.dice.choice(_KEYS)
        self.done.append(key)
        await self.ann.press(key)

    async def write(self) -> None:
        """A command, right or wrong, or something said."""
        row = self.dice.choice([row for row in table.SLASHES if row.name != "quit"])
        words = self.dice.choices(_WORDS, k=self.dice.randrange(3))
        line = " ".join([f"/{row.name}", *words]) if self.dice.random() < 0.8 else " ".join(words)
        self.done.append(line[:60])
        self.ann.app.do(line)

    async def paste(self) -> None:
        text = "\n".join(self.dice.choices(NASTY, k=self.dice.randrange(1, 6)))
        self.done.append(f"paste {text[:40]!r}")
        focused = self.ann.app.screen.focused
        if focused is not None:
            focused.post_message(events.Paste(text))

    async def resize(self) -> None:
        for _ in range(self.dice.choice([1, 1, 6])):
            size = (self.dice.randrange(1, 200), self.dice.randrange(1, 60))
            self.done.append(f"resize {size}")
            await self.ann.pilot.resize_terminal(*size)

    async def mouse(self) -> None:
        size = self.ann.app.size
        x, y = self.dice.randrange(max(1, size.width)), self.dice.randrange(max(1, size.height))
        self.done.append(f"mouse {x},{y}")
        if self.dice.random() < 0.5:
            await self.ann.wheel(x, y, up=self.dice.random() < 0.5)
        else:
            await self.ann.pilot.click(offset=(x, y))

    async def talk(self) -> None:
        """A real event of another user."""
        text = self.dice.choice(["hello", "ann: hi", "a\nb", "https://example.org/x", "**x**", "é漢👋"])
        self.bob.say(self.dice.choice(["#lobby", "ann"]), text)

    async def handle(self) -> None:
        """Something that no server should send."""
        nasty, dice = NASTY, self.dice
        text, name, other = dice.choice(nasty), dice.choice([*nasty, "bob", "ann", "a,b", ":c"]), dice.choice(nasty)
        room = dice.choice(["#lobby", "#lobby", "#dev", f"#{other}"])
        now = datetime.now(UTC) + timedelta(days=dice.choice([-400, -1, 0, 0, 0, 1, 400]))
        now = dice.choice([now] * 20 + [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
        own = dice.random() < 0.1
        made: list[Callable[[], e.Event]] = [
            lambda: e.RoomMessage(time=now, room=room, name=name, text=text, own=own, id=text, reply=other),
            lambda: e.RoomMessage(time=now, room=room, name=name, text=f"{text}\n{other}", kind="action"),
            lambda: e.PrivateMessage(time=now, name=name, to="ann", text=text, kind=dice.choice(["message", "notice"])),
            lambda: e.Joined(time=now, room=room, name=name, own=own),
            lambda: e.Parted(time=now, name=name, rooms=(room,), how="kick", reason=text, by=other, own=own),
            lambda: e.Parted(time=now, name=name, rooms=(room,), how="part", reason=text, own=own),
            lambda: e.NickChanged(time=now, old=name, name=text, own=False),
            lambda: e.Topic(time=now, room=room, text=text * 50, name=dice.choice([None, name])),
            lambda: e.Typing(time=now, target=room, name=name, state="active"),
            lambda: e.Reacted(time=now, target=room, id=text, name=name, reaction=other),
            lambda: e.Deleted(time=now, target=room, id=text, name=name),
            lambda: e.ReadUntil(time=now, target=room, until=now),
            lambda: e.PresenceChanged(time=now, name=name, away=own, online=dice.random() < 0.5),
            lambda: e.Failed(time=now, text=text, code="404", about=room, ticket=dice.choice([None, 1, 2])),
            lambda: e.ServerNotice(time=now, text=text, code="NOTICE"),
            lambda: e.Whois(time=now, name=name, lines=(text, other)),
            lambda: e.Reconnecting(time=now, seconds=1.0, reason=text),
            lambda: e.Reconnected(time=now, name="ann", server=other, network=text),
            lambda: e.HistoryReceived(
                time=now, number=dice.randrange(9), target=room, ends=own, failed=False,
                events=(e.RoomMessage(time=now, room=room, name=name, text=text, id=other),),
            ),
        ]  # fmt: skip
        event = dice.choice(made)()
        self.done.append(repr(event)[:120])
        self.ann.app.login_worker.feed.put(event)

    def check(self) -> None:
        app = self.ann.app
        assert app.problem is None, "\n".join(self.done[-9:])
        assert app.is_running, "\n".join(self.done[-9:])
        update = app.screen._compositor.render_full_update()
        are_whole(update.render_segments(CONSOLE), app.size.width, app.size.height)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0, listener_limit=50) as running:
        yield running


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", "5"))), ids=lambda seed: f"seed-{seed}")
def test_any_keys_leave_the_screen_consistent(server: Server, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "true")
    left: list[str] = []

    async def story() -> None:
        with Client(port=server.port, name="bob", secret="bob's", attentive=True) as bob:
            async with screen(LocalLogin(server.port)) as ann:
                monkeypatch.setattr(ann.app, "leave", left.append)
                monkeypatch.setattr(ann.app, "open_url", lambda url: None)
                await ann.until("2 people")
                chaos = Chaos(seed, ann, bob)
                for number in range(STEPS):
                    await chaos.step()
                    if number % 5 == 0:
                        await ann.pilot.pause()
                        chaos.check()
                await ann.pilot.resize_terminal(100, 30)
                while len(ann.app.screen_stack) > 1:
                    await ann.press("escape")
                    await ann.pilot.pause()
                ann.app.do("/raw PING alive")
                ann.app.do("/join #after")
                await ann.until(lambda text: text.startswith(" #after"))
                chaos.check()
                ann.app.query_one(MessageInput).write("")
                await ann.type("still here")
                await ann.until("still here")
                chaos.check()

    play(story)


@pytest.mark.parametrize("key", ["escape", "enter", "y", "ctrl+c", "ctrl+d", "x"])
@pytest.mark.parametrize("opened", ["f1", "ctrl+f", "paste", "/register"])
def test_burst_of_keys_closes_a_dialog_once(
    server: Server, opened: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("only you")
            if opened == "paste":
                ann.app.post_message(events.Paste("one\ntwo"))
            elif opened[0] == "/":
                await ann.type(opened)
            else:
                await ann.press(opened)
            await ann.until(lambda _: len(ann.app.screen_stack) == 2)
            monkeypatch.setattr(ann.app, "leave", lambda reason: None)  # Ctrl-C twice, once the overlay is closed
            for _ in range(3):
                ann.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await ann.press("f1", "escape", "escape", "escape")
            await ann.until(lambda _: len(ann.app.screen_stack) == 1)
            assert ann.app.problem is None

    play(story)
