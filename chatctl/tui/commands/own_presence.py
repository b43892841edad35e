"""The own presence: typing notifications, away state, alerts.

Invariants:

- [typing] Typing is sent at most every 3 seconds, never for a command, and only if enabled
  (ircv3.net/specs/client-tags/typing). Discarded text is sent as done.
- [idle-away] After IDLE_SECONDS without input the user is away until the next input; an away state set by the user
  stays.
- [unwatched] After UNWATCHED_SECONDS without input, messages are not read: not every terminal reports its focus.
- [alert] An alert is one bell and one desktop notification, at most one every ALERT_PAUSE_SECONDS.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from chatctl.client.client import Client
from chatctl.protocol.clean import clean
from chatctl.tui.model.buffers import Buffer
from chatctl.tui.model.view_state import unasked

TYPING_PAUSE_SECONDS = 3.0
IDLE_SECONDS = 15 * 60.0
UNWATCHED_SECONDS = 5 * 60.0
ALERT_PAUSE_SECONDS = 2.0
_LONGEST_CALL = 120


class OwnPresence:
    """The user's own typing and away status. `now`: a monotonic clock in seconds."""

    def __init__(self, client: Client, now: Callable[[], float] = monotonic) -> None:
        self.sends_typing = True
        self.notifies = True
        self._client = client
        self._now = now
        self._typed_to = ""
        self._typed_at = -TYPING_PAUSE_SECONDS
        self._touched = now()
        self._went_away = False
        self._called = -ALERT_PAUSE_SECONDS

    def typing(self, buffer: Buffer, text: str) -> None:
        """Note that the input line of `buffer` holds `text` now."""
        self.touched()
        if not self.sends_typing or not buffer.name or not buffer.joined:
            return
        if not text or text.startswith("/"):
            if self._typed_to == buffer.name and not text:
                self._send(buffer.name, "done")
                self._typed_to = ""
            return
        if self._typed_to != buffer.name or self._now() - self._typed_at >= TYPING_PAUSE_SECONDS:
            self._typed_to, self._typed_at = buffer.name, self._now()
            self._send(buffer.name, "active")

    def sent(self) -> None:
        """Note that the text was sent, which also ends typing."""
        self._typed_to = ""
        self._typed_at = -TYPING_PAUSE_SECONDS

    def _send(self, target: str, what: str) -> None:
        if self._client.online and self._client.can("message-tags"):
            with unasked():
                self._client.typing(target, what)

    def touched(self) -> None:
        """Note that a key was pressed."""
        self._touched = self._now()
        if self._went_away:
            self._went_away = False
            if self._client.running:
                with unasked():
                    self._client.away("")

    @property
    def unwatched(self) -> bool:
        """Return whether the last input is so long ago that the user is not reading ([unwatched])."""
        return self._now() - self._touched >= UNWATCHED_SECONDS

    def tick(self, *, away: bool) -> None:
        """Called now and then; `away`: whether we are already."""
        if not away and not self._went_away and self._now() - self._touched >= IDLE_SECONDS and self._client.online:
            self._went_away = True
            with unasked():
                self._client.away("idle")

    def call(self, title: str, text: str, term: str) -> str:
        """Return what to write to the terminal to alert its user; empty if it is too soon."""
        if not self.notifies or self._now() - self._called < ALERT_PAUSE_SECONDS:
            return ""
        self._called = self._now()
        title, text = (clean(part).replace(";", ",")[:_LONGEST_CALL] for part in (title, text))
        if term.startswith(("rxvt", "foot")):
            return f"\a\x1b]777;notify;{title};{text}\x1b\\"
        return f"\a\x1b]9;{title}: {text}\x1b\\"
