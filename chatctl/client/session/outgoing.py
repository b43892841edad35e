"""Requests of the user as lines. They need a connection, except the set of wanted rooms."""

from __future__ import annotations

from collections.abc import Iterable, Set

from chatctl.client.session.in_flight import OutgoingLine
from chatctl.client.session.unstored_requests import UnstoredRequests
from chatctl.errors import ChatctlError
from chatctl.protocol.message import encode


class OutgoingRequests:
    """A part of :class:`chatctl.client.engine.ClientEngine`."""

    def __init__(self, rooms: Iterable[str]) -> None:
        self.lines: list[OutgoingLine] = []
        """Lines to send, in order; the connection empties it."""
        self.unstored = UnstoredRequests()
        self.wanted: dict[str, tuple[str, str]] = {}
        """Folded name -> (room, key): where to be on every connection."""
        for room in rooms:
            self.want(room)
        self.asked_names: set[str] = set()
        self.asked_name = ""
        """The name of the last :meth:`rename`: when it is granted it is ours for all connections."""
        self.away_text = ""

    def fold(self, name: str) -> str:
        """`name` so that two spellings of one name or room are equal."""
        raise NotImplementedError

    @property
    def enabled(self) -> Set[str]:
        """The capabilities granted on this connection."""
        raise NotImplementedError

    def send_tagged(self, tags: dict[str, str], command: str, *params: str) -> None:
        """Send a line with tags, if the server supports them."""
        if "message-tags" not in self.enabled:
            return
        try:
            self.lines.append(OutgoingLine(encode(command, params, tags=tags)))
        except ChatctlError:
            return

    def rename(self, name: str) -> None:
        """Ask for another name."""
        self.asked_name = name
        self.send("NICK", name)

    def want(self, room: str, key: str = "") -> None:
        """Join `room` on this and every later connection."""
        self.wanted[self.fold(room)] = (room, key)

    def unwant(self, room: str) -> None:
        """Do not join `room` on later connections."""
        self.wanted.pop(self.fold(room), None)

    def join(self, room: str, key: str = "") -> None:
        """Enter a room."""
        self.want(room, key)
        self.send_join(room, key)
        self.unstored.report_again(self.fold(room))

    def send_join(self, room: str, key: str = "") -> None:
        """Send the JOIN of a room that is wanted."""
        self.unstored.joining(self.fold(room), room)
        self.send("JOIN", room, *([key] if key else []))

    def send_mark(self, params: tuple[str, ...]) -> None:
        """Send MARKREAD: how far a room or conversation was read."""
        self.unstored.marking(self.fold(params[0]), params)
        self.send("MARKREAD", *params)

    def part(self, room: str, reason: str = "") -> None:
        """Leave a room."""
        self.unwant(room)
        self._send_part(room, reason)

    def _send_part(self, room: str, reason: str) -> None:
        self.send("PART", room, *([reason] if reason else []))

    def names(self, room: str) -> None:
        """Ask who is in a room."""
        self.asked_names.add(self.fold(room))
        self.send("NAMES", room)

    def away(self, text: str) -> None:
        """Set the away text; an empty one removes it."""
        self.away_text = text
        self.send("AWAY", *([text] if text else []))

    def send(self, command: str, *params: str) -> None:
        """Send a raw line. A line with characters of the server that cannot be sent is dropped."""
        try:
            self.lines.append(OutgoingLine(encode(command, params)))
        except ChatctlError:
            return
