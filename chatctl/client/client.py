"""The client as a library: connect, talk, hear, stop.

Like this::

    with Client(name="ann", rooms=["#lobby"]) as client:
        client.say("#lobby", "hello")
        for event in client.events():
            print(event.to_json())
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from chatctl.client import events as e
from chatctl.client.client_api import ClientApi, check, fitting, target_name
from chatctl.client.connection import ClientRequest, ConnectionThread
from chatctl.client.engine import ClientEngine
from chatctl.client.errors import FullError, InputError
from chatctl.client.login import account_registration
from chatctl.client.login.account_login import AccountLogin
from chatctl.client.session.unstored_requests import when_sent
from chatctl.client.timing import Timing
from chatctl.client.transport.identity import identity
from chatctl.client.transport.trust import Trust
from chatctl.errors import ChatctlError, InvalidNameError, UnreachableError

Callback = Callable[[e.Event], None]

MAX_EVENTS = 10_000
"""Events kept for :meth:`Client.events`; past that the oldest go, and an `Overrun` says so."""

MAX_EVENTS_WITH_CALLBACK = 100
"""Events held if there is a callback and :meth:`Client.events` was not called."""

_GOODBYE = 3.0
_log = logging.getLogger("chatctl.client")


def _spare_names(name: str) -> Iterable[str]:
    from chatctl.protocol.names import alternatives  # rarely needed, and it brings tables

    return alternatives(name)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a room: `symbols` are the server's marks (``@`` operator, ``+`` voice), highest first."""

    name: str
    symbols: str
    away: bool


class Client(ClientApi):
    """One user of one server, on a thread of its own. All methods may be called from any thread.

    Args:
        name: The wanted name.
        rooms: Rooms to join.
        password: The server's shared password (IRC PASS).
        secret: Lets a chatctl server recognise this client; None uses the secret of this installation, from the user's
            data folder.
        reconnect: Connect again when the connection is lost.
        give_up_after: Seconds without a server after which the client ends (None: never).
        attentive: Also fetch what only a screen shows, such as who is away.
        trust: Which certificates are accepted.
        login: The account to log in to.
        transient: A short visit: others see nothing of it except its messages, if the server supports that
            (``chatctl/transient``). Messages of others may then not arrive.
        control: The data folder of a chatctl server on this computer. Connect through its control socket, which takes
            no place there, instead of to `host` and `port`.

    A client starts once.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 5106,
        *,
        name: str,
        rooms: Iterable[str] = ("#lobby",),
        password: str | None = None,
        secret: str | None = None,
        reconnect: bool = True,
        give_up_after: float | None = None,
        attentive: bool = False,
        timing: Timing | None = None,
        trust: Trust | None = None,
        login: AccountLogin | None = None,
        transient: bool = False,
        control: Path | None = None,
    ) -> None:
        self.host = host
        self.port = port
        if not name or " " in name:
            raise InvalidNameError("A name has one letter at least, and no space")
        rooms = [rooms] if isinstance(rooms, str) else list(rooms)
        try:
            check("NICK", name)
        except InputError as error:
            raise InvalidNameError(f"That name cannot be used: {error}") from None
        check("PASS", password or "")
        if login is not None:
            check("REGISTER", login.password)
        for room in rooms:
            target_name(room)
        super().__init__()
        self._state = ClientEngine(
            name, rooms, password=password, attentive=attentive, login=login, transient=transient
        )
        self._secret = secret
        self._callbacks: tuple[Callback, ...] = ()
        self._events: deque[e.Event] = deque()
        self._dropped = 0
        self._asked_for_events = False
        self._started = False
        self._closed = False
        self._news = threading.Condition()
        self._link = ConnectionThread(
            host,
            port,
            self._state,
            self._publish,
            reconnect=reconnect,
            give_up_after=give_up_after,
            spare_names=_spare_names,
            timing=timing or Timing(),
            trust=trust or Trust(),
            control=control,
        )
        self._thread = threading.Thread(target=self._link.run, name="chatctl-client", daemon=True)

    def __repr__(self) -> str:
        return f"Client({self._link.address}, name={self.name!r})"

    # Coming and going.

    def start(self) -> Client:
        """Connect, and return when the server has registered the client.

        Raises:
            UnreachableError: No answer, or not a chat server.
            RefusedError: The server is full, or the client is banned. Subclasses: PasswordError (a password is needed
                or wrong), LoginError, UntrustedError (its certificate is not trusted), ClearTextError (a password would
                be sent to another machine without encryption).
            NameTakenError: The name is in use.
            InvalidNameError: The name is not valid.
            InputError: The client was started before.
        """
        with self._news:
            if self._started:
                raise InputError("This client was started before, and a client starts once; make another one")
            self._started = True
        self._state.identity = identity(self.host, self.port, self._secret)
        self._state.client_id = os.urandom(8).hex()
        self._link.open()
        self._thread.start()
        try:
            self._link.entered.wait()
        except BaseException:  # interrupted: leave nothing behind
            self.stop(seconds=_GOODBYE if self._link.was_in else 0.0)
            raise
        if not self._link.was_in:
            raise self._link.error or UnreachableError("The client was stopped before it was in")
        return self

    def stop(self, reason: str = "", seconds: float = _GOODBYE, *, discard: bool = False) -> None:
        """Send what is queued, then QUIT. Return when that is done, after `seconds` at the latest.

        `discard`: messages that are not sent yet stay unsent. Stopping again, or before the start, is not an error. In
        a callback it returns at once.
        """
        if not self._thread.is_alive():
            return
        self._link.stop(fitting("QUIT", reason), seconds, discard=discard)
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds + 1.0)

    def __enter__(self) -> Client:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    # Current state.

    @property
    def name(self) -> str:
        """Our name on the server; before it let us in, the one we want."""
        return self._state.nick

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms we are in, in the order we entered them."""
        return tuple(room.name for room in list(self._state.rooms))

    @property
    def online(self) -> bool:
        """Whether there is a connection and we are in."""
        return self._thread.is_alive() and self._state.phase.value == "online"

    @property
    def running(self) -> bool:
        """Whether the client has started and not ended."""
        return self._thread.is_alive() and not self._closed

    @property
    def error(self) -> ChatctlError | None:
        """The reason why the client ended, if it was not stopped."""
        return self._link.error

    def members(self, room: str) -> tuple[str, ...]:
        """Return the members of a joined room."""
        found = self._state.rooms.get(room)
        return tuple(nick for nick, _ in list(found.members.values())) if found is not None else ()

    def people(self, room: str) -> list[Member]:
        """Return the members of a joined room with their standing, and whether they are away if that is known."""
        found = self._state.rooms.get(room)
        if found is None:
            return []
        away = self._state.presence.away
        return [Member(nick, symbols, key in away) for key, (nick, symbols) in list(found.members.items())]

    def is_away(self, name: str) -> bool:
        """Return whether a user is away, as far as is known."""
        return self._state.fold(name) in self._state.presence.away

    def fold(self, name: str) -> str:
        """`name` so that two spellings of one name or room are equal at this server."""
        return self._state.fold(name)

    def can(self, capability: str) -> bool:
        """Return whether the server granted this capability on the current connection."""
        return capability in self._state.enabled

    def offers(self, capability: str) -> bool:
        """Return whether the server offers this capability, requested or not."""
        return self._state.offers(capability)

    @property
    def account(self) -> str | None:
        """The account that we logged in to, or made, if we did."""
        return account_registration.logged_in(self._state) or None

    def is_secret(self, text: str) -> bool:
        """Return whether a line of `text` is a password that this client knows: the server's, or the account's."""
        state = self._state
        known = {state.password, *(login.password for login in (state.login, state.making) if login is not None)}
        return any(line.strip() in known for line in text.splitlines())

    @property
    def may_register(self) -> bool:
        """Whether our name can be made an account here by a password (:meth:`register`)."""
        return account_registration.possible(self._state)

    def is_room(self, target: str) -> bool:
        """Return whether `target` reads as the name of a room on this server."""
        return self._state.isupport.is_room(target)

    def room_of(self, name: str) -> str | None:
        """Return the joined room that `name` is a spelling of, as the server writes it, or None."""
        found = self._state.rooms.get(name)
        return found.name if found is not None else None

    @property
    def waiting(self) -> int:
        """Messages said that the server has not confirmed yet."""
        return self._link.waiting

    def flush(self, timeout: float | None = None, *, enough: Callable[[], bool] = lambda: False) -> bool:
        """Wait until the server has dealt with all that was said before. False: not in time, or the client ended.

        By then every echo has come, and every refusal. Not to be called in a callback, nor before :meth:`start`.
        `enough` is asked several times a second, and ends the waiting where it says yes.
        """
        self._need_started()
        if threading.current_thread() is self._thread:
            raise RuntimeError("flush() waits for the thread that runs callbacks; it cannot be called in one")
        end = math.inf if timeout is None else time.monotonic() + timeout
        done = threading.Event()
        handed_in = False
        while True:
            wait = min(0.2, max(0.0, end - time.monotonic()))
            try:
                if not handed_in:
                    self._link.submit(ClientRequest(lambda state: when_sent(state, done.set)), wait)
                    handed_in = True
                if done.wait(wait):
                    return True
            except FullError:
                pass
            except ChatctlError:
                return False
            if self._closed or time.monotonic() >= end or enough():
                return done.is_set()

    # Hearing.

    def events(self, timeout: float | None = None) -> Iterator[e.Event]:
        """Yield events as they happen, until the client has ended, or for `timeout` seconds without one.

        Events before the first call are buffered: MAX_EVENTS of them, MAX_EVENTS_WITH_CALLBACK if there is a callback.
        Each event is yielded once, over all callers. Raises InputError before :meth:`start`.
        """
        self._need_started()
        self._asked_for_events = True
        while True:
            with self._news:
                self._news.wait_for(lambda: bool(self._events) or self._closed, timeout)
                if not self._events:
                    return
                if self._dropped:
                    count, self._dropped = self._dropped, 0
                    event: e.Event = e.Overrun(time=self._events[0].time, count=count)
                else:
                    event = self._events.popleft()
            yield event

    def on(self, callback: Callback) -> Callable[[], None]:
        """Call `callback` with every event from now on, on the client's thread. Returns what takes it off again.

        A callback should be quick: nothing is read or sent meanwhile. One that raises is logged and kept.
        """
        with self._news:
            self._callbacks = (*self._callbacks, callback)

        def off() -> None:
            with self._news:
                self._callbacks = tuple(found for found in self._callbacks if found is not callback)

        return off

    def _publish(self, happened: list[e.Event]) -> None:
        with self._news:
            self._events.extend(happened)
            over = len(self._events) - (
                MAX_EVENTS_WITH_CALLBACK if self._callbacks and not self._asked_for_events else MAX_EVENTS
            )
            for _ in range(over):
                self._events.popleft()
                self._dropped += 1
            self._closed = self._closed or isinstance(happened[-1], e.Disconnected)
            self._news.notify_all()
            callbacks = self._callbacks
        for event in happened:
            for callback in callbacks:
                try:
                    callback(event)
                except BaseException:  # noqa: BLE001  # a listener's fault, and its SystemExit, is not the connection's
                    _log.exception("a callback failed")

    def _need_started(self) -> None:
        if not self._started:
            raise InputError("The client has not been started; nothing can be waited for")
