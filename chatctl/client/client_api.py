"""The requests of a client: send, join and leave, read history. A base class of :class:`chatctl.client.client.Client`.

All methods may be called from any thread; their results arrive as events.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from chatctl.client import events as e
from chatctl.client.connection import ClientRequest, ConnectionThread
from chatctl.client.engine import ClientEngine
from chatctl.client.errors import InputError
from chatctl.client.history.history_requests import Which, stamp
from chatctl.client.login import account_registration
from chatctl.client.session import message_events, presence, tag_handlers
from chatctl.errors import ChatctlError
from chatctl.protocol.message import MAX_LINE_BYTES, encode

PAGE_MESSAGES = 100
"""Messages asked for at once; servers have limits of their own."""

_LINE_ENDS = re.compile(r"[\r\n]+")
_UNSENDABLE = str.maketrans("", "", "\0\1")  # NUL ends a line for many servers; U+0001 would make it a machine's (CTCP)


def _say(state: ClientEngine, message: e.Outgoing) -> None:
    state.say(message.kind, message.target, message.text, message.ticket, message.reply)


class ClientApi:
    """The methods of a client that send requests."""

    _link: ConnectionThread
    _thread: threading.Thread

    def __init__(self) -> None:
        self._tickets: Iterator[int] = itertools.count(1)
        """Makes the numbers of messages and history requests."""

    def say(self, target: str, text: str, *, timeout: float | None = 0.0, whole: bool = False, reply: str = "") -> int:
        """Send text to a room or user. Each line of `text` is a message, a long line is several.

        Args:
            target: The room or user.
            text: The text.
            whole: Send several lines as one message if the server supports that.
            reply: The id of the message that this replies to.
            timeout: How long to wait if 1,000 lines are queued already (None: as long as needed). Must not be None in a
                callback.

        While there is no connection the message is queued.

        Returns:
            The number of the message: `RoomMessage.ticket` of its echo, or `Failed.ticket` if it was refused.

        Raises:
            FullError: The queue is full.
            UnreachableError: The client has ended.
            InputError: Nothing can be sent to such a target.
        """
        return self._say("message", target, text, timeout, whole=whole, reply=reply)

    def act(self, target: str, text: str, *, timeout: float | None = 0.0) -> int:
        """Say what one does (``/me waves``); else as :meth:`say`."""
        return self._say("action", target, text, timeout)

    def notice(self, target: str, text: str, *, timeout: float | None = 0.0) -> int:
        """Say something that no program answers (IRC NOTICE); else as :meth:`say`."""
        return self._say("notice", target, text, timeout)

    def _say(
        self, kind: e.Kind, target: str, text: str, timeout: float | None, *, whole: bool = False, reply: str = ""
    ) -> int:
        if timeout is None and threading.current_thread() is self._thread:
            raise RuntimeError("timeout=None waits for the thread that runs callbacks; it cannot be given in one")
        target = target_name(target)
        ticket = next(self._tickets)
        as_one = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
        for part in [as_one] if whole else _LINE_ENDS.split(text):
            said = part.translate(_UNSENDABLE).encode(errors="replace").decode()
            if said.strip():
                message = e.Outgoing(target, said, kind, ticket, reply)
                self._link.submit(ClientRequest(partial(_say, message=message), message), timeout)
        return ticket

    def join(self, room: str, key: str = "") -> None:
        """Enter a room, now and on every later connection."""
        room = target_name(room)
        check("JOIN", room, key or "x")
        self._link.submit(ClientRequest(lambda state: state.join(room, key)))

    def part(self, room: str, reason: str = "") -> None:
        """Leave a room."""
        room = target_name(room)
        check("PART", room, reason)
        self._link.submit(ClientRequest(lambda state: state.part(room, reason)))

    def rename(self, name: str) -> None:
        """Ask for another name; a `NickChanged`, `NameTaken` or `NameRefused` event is the answer."""
        if not name or " " in name:
            raise InputError("A name has one letter at least, and no space")
        check("NICK", name)
        self._link.submit(ClientRequest(lambda state: state.rename(name)))

    def topic(self, room: str, text: str | None = None) -> None:
        """Set a room's topic (empty: none); without a text ask for it, a `Topic` event is the answer."""
        params = (target_name(room), *([] if text is None else [text]))
        check("TOPIC", *params)
        self._link.submit(ClientRequest(lambda state: state.send("TOPIC", *params)))

    def names(self, room: str) -> None:
        """Ask who is in a room; a `Names` event is the answer."""
        room = target_name(room)
        self._link.submit(ClientRequest(lambda state: state.names(room)))

    def who(self, mask: str) -> None:
        """Ask about the people in a room, or a person; a `Who` event is the answer."""
        mask = target_name(mask)
        self._link.submit(ClientRequest(lambda state: state.send("WHO", mask)))

    def away(self, text: str = "") -> None:
        """Set the away text, also on later connections; an empty text removes it."""
        check("AWAY", text)
        self._link.submit(ClientRequest(lambda state: state.away(text)))

    def send_raw(self, command: str, *params: str) -> None:
        """Send any IRC command. Its answer arrives like any other line."""
        check(command, *params)
        self._link.submit(ClientRequest(lambda state: state.send(command, *params)))

    def register(self, password: str) -> None:
        """Make our name an account; a `ServerNotice` (code REGISTER) or a `Failed` is the answer. Later connections log
        in to it."""
        check("REGISTER", "*", "*", password)
        self._link.submit(ClientRequest(lambda state: account_registration.begin(state, password)))

    # About messages. Each does nothing at a server that knows nothing of it.

    def react(self, target: str, id: str, reaction: str, *, remove: bool = False) -> None:
        """React to a message, or take that back; a `Reacted` event shows it."""
        target = target_name(target)
        tags = message_events.reaction_tags(id, reaction, remove=remove)
        self._link.submit(ClientRequest(lambda state: tag_handlers.send_reaction(state, tags, target)))

    def delete(self, target: str, id: str, reason: str = "") -> None:
        """Take a message back (REDACT); a `Deleted` event shows it."""
        params = (target_name(target), id, *([reason] if reason else []))
        check("REDACT", *params)
        self._link.submit(ClientRequest(lambda state: tag_handlers.delete_message(state, params)))

    def typing(self, target: str, what: str) -> None:
        """Tell others that we are writing ("active"), have paused ("paused"), or gave it up ("done")."""
        target = target_name(target)
        self._link.submit(ClientRequest(lambda state: tag_handlers.send_typing(state, target, what)))

    def mark_read(self, target: str, until: datetime | None) -> None:
        """Set the read marker, if the server stores it; with None request it."""
        params = (target_name(target), *([] if until is None else [f"timestamp={stamp(until)}"]))

        def mark(state: ClientEngine) -> None:
            if "draft/read-marker" not in state.enabled:
                return
            if until is None:
                state.send("MARKREAD", *params)
            else:
                state.send_mark(params)

        self._link.submit(ClientRequest(mark))

    def watch(self, name: str) -> None:
        """Watch names: `PresenceChanged` events tell when they come online or leave, if the server supports that."""
        name = target_name(name)
        self._link.submit(ClientRequest(lambda state: presence.watch(state, name)))

    def ignore(self, name: str) -> bool:
        """Hide the messages of a user, or show them again; return whether they are hidden now."""
        presence = self._link.state.presence
        key = self._link.state.fold(name)
        hidden = key not in presence.ignored
        # A new table each time: the client's thread reads it.
        rest = {other: shown for other, shown in presence.ignored.items() if other != key}
        presence.ignored = {**rest, key: name} if hidden else rest
        return hidden

    @property
    def ignored(self) -> tuple[str, ...]:
        """Whom we ignore."""
        return tuple(self._link.state.presence.ignored.values())

    def whois(self, name: str) -> None:
        """Ask about a person; a `Whois` event is the answer."""
        name = target_name(name)
        self._link.submit(ClientRequest(lambda state: state.send("WHOIS", name)))

    def measure(self) -> None:
        """Ask the server how fast it answers; a `Latency` event tells."""
        self._link.submit(ClientRequest(lambda state: state.measure(time.monotonic)))

    # The past.

    def look_back(
        self, target: str, which: Which, time: datetime, id: str | None = None, limit: int = PAGE_MESSAGES
    ) -> int:
        """Request messages before, after or around a time or message. A `HistoryReceived` with the returned number
        answers."""
        target, number = target_name(target), next(self._tickets)
        self._link.submit(
            ClientRequest(
                lambda state: state.backfill.request(state.backfill.past.page(number, which, target, id, time, limit))
            )
        )
        return number

    def conversations(self, since: datetime) -> int:
        """Ask with whom we have talked alone since then; `Conversations` answers, where the server knows."""
        number = next(self._tickets)
        self._link.submit(
            ClientRequest(lambda state: state.backfill.request(state.backfill.past.conversations(number, since)))
        )
        return number

    def search(self, text: str, room: str = "", name: str = "", limit: int = PAGE_MESSAGES) -> int:
        """Search messages in one place or in all, by one user or by all. A `HistoryReceived` with the returned
        number answers."""
        number = next(self._tickets)
        check("SEARCH", text)
        self._link.submit(
            ClientRequest(
                lambda state: state.backfill.request(state.backfill.past.search(number, text, room, name, limit))
            )
        )
        return number


# Validation.


def target_name(target: str) -> str:
    """Return `target` if it can be the name of one room or user; otherwise raise InputError."""
    if not target or target[0] == ":" or any(character in target for character in " ,\r\n\0"):
        raise InputError(f"{target!r} is not the name of one room or person")
    check("PRIVMSG", target, "")
    return target


def check(command: str, *params: str) -> None:
    """Raise InputError where this cannot be sent as one line."""
    try:
        over = len(encode(command, params)) - MAX_LINE_BYTES
    except (ChatctlError, UnicodeEncodeError) as error:
        raise InputError(f"That cannot be sent: {error}") from None
    if over > 0:
        raise InputError(f"That is {over} bytes too long to be sent")


def fitting(command: str, reason: str) -> str:
    """Return a reason for leaving, or ``""`` if it cannot be sent: leaving is more important."""
    try:
        check(command, reason)
    except InputError:
        return ""
    return reason
