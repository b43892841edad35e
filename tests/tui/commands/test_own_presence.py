"""Typing, idling, calling (chatctl/tui/commands/own_presence)."""

from __future__ import annotations

from typing import cast

from chatctl.client.client import Client
from chatctl.tui.commands.own_presence import ALERT_PAUSE_SECONDS, IDLE_SECONDS, TYPING_PAUSE_SECONDS, OwnPresence
from chatctl.tui.model.buffers import Buffer


class Told:
    """A client that writes down what it is told."""

    online = running = True

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []
        self.now = 0.0

    def can(self, capability: str) -> bool:
        return True

    def typing(self, target: str, what: str) -> None:
        self.done.append((target, what))

    def away(self, text: str) -> None:
        self.done.append(("away", text))


def own_presence() -> tuple[OwnPresence, Told]:
    told = Told()
    return OwnPresence(cast(Client, told), lambda: told.now), told


def room() -> Buffer:
    buffer = Buffer("#lobby", is_room=True)
    buffer.joined = True
    return buffer


def test_typing_is_sent_at_most_every_three_seconds() -> None:
    here, told = own_presence()
    for text in ("h", "he", "hel"):
        here.typing(room(), text)
    told.now += TYPING_PAUSE_SECONDS
    here.typing(room(), "hell")
    here.typing(room(), "")
    assert told.done == [("#lobby", "active"), ("#lobby", "active"), ("#lobby", "done")]


def test_commands_and_sent_text_are_not_typing() -> None:
    here, told = own_presence()
    here.typing(room(), "/secret")
    here.typing(room(), "hi")
    here.sent()
    here.typing(room(), "")
    assert told.done == [("#lobby", "active")]


def test_typing_can_be_turned_off() -> None:
    here, told = own_presence()
    here.sends_typing = False
    here.typing(room(), "hi")
    assert told.done == []


def test_idle_user_is_away_until_a_key() -> None:
    here, told = own_presence()
    told.now = IDLE_SECONDS + 1
    here.tick(away=False)
    here.tick(away=True)
    here.touched()
    here.touched()
    assert told.done == [("away", "idle"), ("away", "")]


def test_user_with_away_text_stays_away() -> None:
    here, told = own_presence()
    told.now = IDLE_SECONDS + 1
    here.tick(away=True)
    here.touched()
    assert told.done == []


def test_notification_is_clean_and_rate_limited() -> None:
    here, told = own_presence()
    told.now = 100.0
    call = here.call("bob\x1b[2J", "hi;\x07you", "xterm")
    assert call == "\a\x1b]9;bob: hi,you\x1b\\"
    assert here.call("bob", "again", "xterm") == ""
    told.now += ALERT_PAUSE_SECONDS
    assert here.call("bob", "again", "foot").startswith("\a\x1b]777;notify;bob;again")
    here.notifies = False
    told.now += ALERT_PAUSE_SECONDS
    assert here.call("bob", "again", "xterm") == ""
