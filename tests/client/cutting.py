"""A conversation over a connection that is cut again and again, and the promises that must hold."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass

from chatctl.chat.history.memory_journal import MemoryJournal
from chatctl.client import Client, Timing
from chatctl.client import events as e
from chatctl.protocol.message import Message
from chatctl.server import Server
from tests.client.proxy import CuttingProxy
from tests.wire import DEADLINE, Wire

QUICK = Timing(enter=DEADLINE, first_pause=0.001, longest_pause=0.002, own_name=1000.0)
CAPS = "echo-message message-tags server-time"
_BURST = 8
"""Lines of the others for each cut, so that there is always something to be missed."""


@dataclass
class Cut:
    """How it went."""

    cuts: int
    messages: int
    seconds: float


class _Heard:
    """Return the client's events in order."""

    def __init__(self, client: Client) -> None:
        self.events: list[e.Event] = []
        self._news = threading.Condition()
        client.on(self._event)

    def _event(self, event: e.Event) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def said(self) -> list[tuple[str, str]]:
        return [(event.name, event.text) for event in self.events if isinstance(event, e.RoomMessage)]

    def private(self, *, own: bool) -> list[str]:
        return [event.text for event in self.events if isinstance(event, e.PrivateMessage) and event.own is own]

    def wait_for(self, room: tuple[str, str], private: str, timeout: float) -> bool:
        def came() -> bool:
            return room in self.said() and private in self.private(own=False)

        with self._news:
            return self._news.wait_for(came, timeout)


def talk_while_cut(cuts: int, lines: int, seed: int, patience: float = DEADLINE, *, settled: bool = True) -> Cut:
    """Ann sends numbered lines while her connection is cut `cuts` times; bob sends too; eve, never cut, reads.

    `settled`: nothing is cut before ann has joined the room for the first time. Otherwise she may have missed messages
    from before her first own one.
    """
    began = time.monotonic()
    with (
        Server(port=0, journal=MemoryJournal(keep=100_000)) as server,
        CuttingProxy(server.port, seed) as proxy,
        Wire(server.port).login("eve", "#lobby", caps=CAPS) as eve,
        Wire(server.port).login("bob", "#lobby", caps=CAPS) as bob,
        Client("127.0.0.1", proxy.port, name="ann", secret="test", timing=QUICK) as ann,
    ):
        heard = _Heard(ann)
        if settled:
            assert ann.flush(patience)
        proxy.arm(cuts)
        said, others = 0, 0
        while said < lines or proxy.cuts < cuts:
            number = proxy.cuts + 1
            while said < lines and said * cuts <= lines * number:
                ann.say("#lobby", f"ann {said}", timeout=patience)
                ann.say("bob", f"psst {said}", timeout=patience)
                said += 1
            by = time.monotonic() + patience
            while not proxy.wait_for_cut(min(number, cuts), 0.002):
                assert time.monotonic() < by, "the connection does not come back"
                for _ in range(_BURST):
                    bob.send(f"PRIVMSG #lobby :bob {others}")
                    if others % 5 == 0:
                        bob.send(f"PRIVMSG ann :hush {others}")
                    others += 1
                bob.ping()
        _until_read(bob, f"psst {lines - 1}", bob)
        eve_saw = _room_of(eve, f"ann {lines - 1}", bob)
        # While ann was away bob's private message was refused (401): only accepted ones count.
        hushed = [m.params[1] for m in bob.read if m.command == "PRIVMSG" and m.params[0] == "ann"]
        assert ann.flush(patience)
        assert heard.wait_for(eve_saw[-1], hushed[-1], patience), "the last message does not come"
        events = list(heard.events)
        psst = [m.params[1] for m in bob.read if m.command == "PRIVMSG" and m.params[0] == "bob"]
    assert not [event for event in events if isinstance(event, e.Unconfirmed | e.Unsent | e.Failed)]
    assert [text for name, text in eve_saw if name == "ann"] == [f"ann {number}" for number in range(lines)]
    assert max(Counter(eve_saw).values()) == 1
    assert psst == [f"psst {number}" for number in range(lines)]
    if not settled:
        eve_saw = eve_saw[-len(heard.said()) :]
        assert ("ann", "ann 0") in eve_saw
    assert heard.said() == eve_saw, _difference(heard.said(), eve_saw)
    assert heard.private(own=False) == hushed, _difference(heard.private(own=False), hushed)
    assert heard.private(own=True) == psst, _difference(heard.private(own=True), psst)
    return Cut(proxy.cuts, len(eve_saw) + len(psst) + len(hushed), time.monotonic() - began)


def _room_of(eve: Wire, last_of_ann: str, bob: Wire) -> list[tuple[str, str]]:
    """All that was said in the room, up to a last word of bob's that comes after ann's."""
    _until_read(eve, last_of_ann, bob)
    bob.send("PRIVMSG ann :the end", "PRIVMSG #lobby :the end").ping()
    eve.until(lambda message: message.params[-1] == "the end")
    return [(message.nick, message.params[1]) for message in eve.read if _is_in_room(message)]


def _is_in_room(message: Message) -> bool:
    return message.command == "PRIVMSG" and message.params[0] == "#lobby"


def _until_read(wire: Wire, text: str, bob: Wire) -> None:
    """Read up to a message with this text, unless it was read already. Bob sends meanwhile: a server without any
    activity may leave a message that was sent again waiting for the next tick."""
    by = time.monotonic() + DEADLINE
    while not any(message.params[-1:] == [text] for message in wire.read):
        assert time.monotonic() < by, f"{text} does not come"
        bob.send("PRIVMSG eve :stir").ping()
        wire.ping()


def _difference(got: list[object] | list[str] | list[tuple[str, str]], wanted: object) -> str:
    assert isinstance(wanted, list)
    at = next((n for n, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted)))
    return f"{len(got)} of {len(wanted)}; from {at} on: {got[at : at + 5]} instead of {wanted[at : at + 5]}"
