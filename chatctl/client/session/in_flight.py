"""Messages in flight, and what became of them.

Invariants:

- [settled] A sent message is entered here. It leaves with its echo (echo-message), a refusal, or the answer to a PING
  sent after it: by then the server has handled it. Some messages have no echo although echo-message is granted (those
  to services); they are shown as sent then.
- [window] At most WINDOW_MESSAGES are in flight. So a rate-limited sender never floods the server, and few messages are
  unconfirmed if the connection breaks.
- [unconfirmed] If it breaks: messages that were not handed to the system are sent later. All others are unconfirmed,
  and stay so until answered: only a marked resend is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatctl.client.events import Outgoing

WINDOW_MESSAGES = 64
"""Messages that may be out at once at a server of ours."""

CAUTIOUS_WINDOW_MESSAGES = 8
"""The same elsewhere: many servers throw out who sends more than ten lines in a burst."""


class SentMessage:
    """A message that was written to the socket. Equal texts are separate messages. `reference`: its number if the
    server knows what it is for; `again`: whether it was in doubt before."""

    __slots__ = ("again", "command", "message", "payload", "reference")

    def __init__(self, command: str, payload: str, message: Outgoing, reference: str = "") -> None:
        self.command = command
        self.payload = payload
        self.message = message
        self.reference = reference
        self.again = False


@dataclass(frozen=True, slots=True, eq=False)
class OutgoingLine:
    """A line to write, CR LF included; `entry`: its message in flight, if it is one."""

    data: bytes
    entry: SentMessage | None = None


class Barrier:
    """A PING; `passed` is called when it is answered."""

    __slots__ = ("passed", "token")

    def __init__(self, token: str, passed: Callable[[], None] | None) -> None:
        self.token = token
        self.passed = passed


class InFlight:
    """Messages and barriers in the order in which they were written."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        self._entries: list[SentMessage | Barrier] = []
        self._count = 0
        self._unguarded = 0
        self.fold = fold
        self._late: tuple[list[SentMessage], list[SentMessage]] = ([], [])
        """Messages that two PINGs settled without an echo, the latest PING's first."""
        self._own_copies: list[tuple[str, str]] = []
        """(command, payload) of messages to ourselves whose echo came: the server delivers them as well."""
        self.tickets: dict[str, int] = {}
        """Id of an echo -> number of the message, until it is shown."""
        self.window = CAUTIOUS_WINDOW_MESSAGES

    @property
    def out(self) -> int:
        """Messages without an answer."""
        return sum(isinstance(entry, SentMessage) for entry in self._entries)

    @property
    def full(self) -> bool:
        """Whether the next message has to wait."""
        return self.out >= self.window

    @property
    def wants_barrier(self) -> bool:
        """Whether enough went out since the last PING for another one."""
        return self._unguarded * 2 >= self.window

    @property
    def unguarded(self) -> bool:
        """Whether a message is out with no PING after it."""
        return self._unguarded > 0

    @property
    def to_service(self) -> bool:
        """Whether the latest message goes to a service (NickServ and the like): most servers do not echo those."""
        last = self._entries[-1] if self._entries else None
        return isinstance(last, SentMessage) and last.message.target.lower().endswith("serv")

    def sent(self, entry: SentMessage) -> None:
        """Add a message that is sent now."""
        self._entries.append(entry)
        self._unguarded += 1

    def barrier(self, passed: Callable[[], None] | None = None) -> Barrier:
        """Return the entry for a PING that goes out now, with its token."""
        self._count += 1
        barrier = Barrier(f"chatctl-{self._count}", passed)
        self._entries.append(barrier)
        self._unguarded = 0
        return barrier

    def confirmed(self, command: str, target: str, payload: str, reference: str = "") -> SentMessage | None:
        """Handle an echo. The server may have changed the text, so the oldest message to the same target matches too;
        but if it has our number, only that one does."""
        if reference:
            for entry in self._entries:
                if isinstance(entry, SentMessage) and entry.reference == reference:
                    self._remove(entry)
                    return entry
            return None
        same_target = [
            entry
            for entry in self._entries
            if isinstance(entry, SentMessage)
            and entry.command == command
            and self.fold(entry.message.target) == self.fold(target)
        ]
        exact = (entry for entry in same_target if entry.payload == payload)
        found = next(exact, same_target[0] if same_target else None)
        if found is not None:
            self._remove(found)
        return found

    def refused(self, target: str) -> SentMessage | None:
        """Take the oldest message to `target`, which the server refused: answers come in order."""
        return self._refused(lambda entry: self.fold(entry.message.target) == self.fold(target))

    def refused_command(self, command: str) -> SentMessage | None:
        """Take the oldest message of a command; the server refused it without naming the target."""
        return self._refused(lambda entry: entry.command == command)

    def refused_whole(self) -> SentMessage | None:
        """Take the oldest message of several lines, which the server refused."""
        return self._refused(lambda entry: "\n" in entry.payload)

    def _refused(self, fits: Callable[[SentMessage], bool]) -> SentMessage | None:
        for entry in self._entries:
            if isinstance(entry, SentMessage) and fits(entry):
                self._remove(entry)
                return entry
        return None

    def awaits(self, barrier: Barrier) -> bool:
        """Return whether a PING was not answered yet."""
        return barrier in self._entries

    def settled_late(self, command: str, target: str, payload: str, reference: str = "") -> bool:
        """Tell whether this echo comes after a PING settled its message, which has been told since."""
        for entries in self._late:
            for entry in entries:
                same = (entry.command, entry.payload) == (command, payload)
                same = same and self.fold(entry.message.target) == self.fold(target)
                if entry.reference == reference if reference else same:
                    entries.remove(entry)
                    return True
        return False

    def expect_own_copy(self, entry: SentMessage) -> None:
        """Note the echo of a message to ourselves: a second line with the same text is its delivery."""
        self._own_copies.append((entry.command, entry.payload))

    def is_own_copy(self, command: str, payload: str) -> bool:
        """Tell whether a message from us to us is the delivery of one whose echo was shown."""
        if (command, payload) not in self._own_copies:
            return False
        self._own_copies.remove((command, payload))
        return True

    def answered(self, token: str) -> list[SentMessage]:
        """Settle the messages sent before an answered PING. Return those without an echo."""
        for at, entry in enumerate(self._entries):
            if isinstance(entry, Barrier) and entry.token == token:
                done, self._entries = self._entries[: at + 1], self._entries[at + 1 :]
                settled = [item for item in done if isinstance(item, SentMessage)]
                self._late = (list(settled), self._late[0])
                self._own_copies.clear()
                for passed in (item.passed for item in done if isinstance(item, Barrier)):
                    if passed is not None:
                        passed()
                return settled
        return []

    def lost(
        self, unwritten: Sequence[OutgoingLine]
    ) -> tuple[list[SentMessage], list[SentMessage], list[Callable[[], None]]]:
        """Handle a connection loss; return the messages to send again, those in doubt, and the callbacks of barriers.
        Empty after it."""
        ours = {id(line.entry) for line in unwritten}
        said = [entry for entry in self._entries if isinstance(entry, SentMessage)]
        again = [entry for entry in said if id(entry) in ours and not entry.again]
        doubt = [entry for entry in said if id(entry) not in ours or entry.again]
        waiting = [entry.passed for entry in self._entries if isinstance(entry, Barrier) and entry.passed is not None]
        self._entries.clear()
        self._late = ([], [])
        self._own_copies.clear()
        self.tickets.clear()
        self._unguarded = 0
        return again, doubt, waiting

    def _remove(self, entry: SentMessage) -> None:
        at = next(index for index, found in enumerate(self._entries) if found is entry)
        if self._unguarded and not any(isinstance(later, Barrier) for later in self._entries[at:]):
            self._unguarded -= 1
        del self._entries[at]
