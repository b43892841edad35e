"""`chatctl join`: join a chat and talk.

Four modes, by stdin and stdout:

- both a terminal: people, on the full screen (chatctl/tui). With --plain, messages scroll by above the line being
  typed.
- stdin a terminal, or TERM=dumb: people as well, with plain lines.
- stdin a pipe or a file: each line is one message, commands included, since a line of a log may well begin with a
  slash. At the end it waits for the last echo and leaves. It gives up after GIVE_UP_SECONDS without a server, or
  without a confirmation by a connected one (code 1).

SIGTERM and SIGHUP are requests to leave: queued messages are sent, and the code says as always whether all arrived (0).
A pipe takes at most three seconds for it. On a terminal, which may be gone, the process ends within two seconds
whatever hangs (:mod:`chatctl.cli.shutdown`). So does Ctrl-C for people; a pipe that it interrupts ends with 130.

stdout gets the messages of others; own messages only if the typed line was removed from the screen, and with --json.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from chatctl.cli import options
from chatctl.cli.failures import reports, say
from chatctl.cli.shutdown import GOODBYE_SECONDS, HUNG_SECONDS, SIGNALS, Ending, leave_server
from chatctl.errors import ChatctlError, RefusedError

if TYPE_CHECKING:
    from chatctl.cli.plain.screen import LineScreen, OutputStyle
    from chatctl.cli.saved_visits import VisitStore
    from chatctl.client import Client
    from chatctl.destination.login_plan import LoginPlan

GIVE_UP_SECONDS = 30.0
"""Seconds without a server after which a pipe gives up; a person is not given up on."""


@reports
def join(
    server: Annotated[
        str | None,
        typer.Argument(metavar="[SERVER]", help="A saved server's name, or ircs://HOST:PORT/ROOM (irc://: no TLS)."),
    ] = None,
    host: options.HostOption = None,
    port: options.PortOption = None,
    name: options.NameOption = None,
    account: options.AccountOption = None,
    password_file: options.PasswordFileOption = None,
    room: options.RoomOption = None,
    tls: options.SecureOption = None,
    fingerprint: options.FingerprintOption = None,
    save: Annotated[
        str | None, typer.Option("--save", metavar="WORD", help="Save this server, so that `join WORD` joins it again.")
    ] = None,
    plain: options.PlainOption = False,
    as_json: options.JsonOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Enter a chat and talk. /help shows what you can type; /quit, Ctrl-D or Ctrl-C leaves.

    Without a terminal each line of the input is one message.
    """
    from chatctl.cli.plain.screen import OutputStyle
    from chatctl.cli.saved_visits import VisitStore
    from chatctl.destination.join_plan import JoinArguments, plan_login
    from chatctl.destination.server_address import hinting

    person = _is_terminal(sys.stdin)
    asking = person and _is_terminal(sys.stdout) and not as_json
    editing = asking and os.environ.get("TERM", "dumb") != "dumb"
    style = OutputStyle(person, editing, editing and not os.environ.get("NO_COLOR"), as_json)
    full_screen = editing and not plain
    said = JoinArguments(server or "", host, port, name, room, tls, fingerprint, config, account, password_file)
    plan = plan_login(said, remembering=asking, give_up_after=None if person else GIVE_UP_SECONDS, notify=say)
    visits = VisitStore(config)
    if save is not None:
        visits.check(save)
    _log_in_one_line()
    ending = Ending(sys.stdin.fileno()) if person else Ending(seconds=GOODBYE_SECONDS + HUNG_SECONDS)
    if not full_screen:
        interruption = Interruption(signal.SIGINT, *SIGNALS, ending=ending)
        _line_by_line(plan, style, interruption, ending, visits, save, asking=asking)
        return
    Interruption(*SIGNALS, ending=ending)  # Ctrl-C is a key there
    from chatctl.cli import full_screen as full

    with hinting():
        client = full.run(plan, visits, ending, save or "")
    if client is not None:
        _go_on(client, plan, style, ending, visits)


def _line_by_line(
    plan: LoginPlan,
    style: OutputStyle,
    interruption: Interruption,
    ending: Ending,
    visits: VisitStore,
    save: str | None,
    *,
    asking: bool,
) -> None:
    """Enter, talk, leave."""
    from chatctl.cli.account_memory import AccountMemory
    from chatctl.cli.plain.account_offer import EventGate, offer
    from chatctl.cli.plain.entering import enter
    from chatctl.cli.plain.screen import LineScreen
    from chatctl.client.profile.profile import Profile
    from chatctl.destination.server_address import hinting

    screens: list[LineScreen] = []
    gates: list[EventGate] = []

    def prepare(client: Client) -> None:
        screens.append(LineScreen(client, plan.to.address, style, sys.stdout, sys.stderr, plan.room))
        screens[-1].keep = functools.partial(visits.keep, plan)
        gates.append(EventGate(screens[-1].event))
        client.on(AccountMemory(Profile(), plan.to.address, client).event)
        client.on(gates[-1].put)

    reason = ""
    try:
        with hinting(), _has_no_answer():
            client = enter(plan, prepare, asking=asking)
            try:
                if asking and client.name != plan.name:
                    offer(client, plan.to.address, Profile())
            finally:
                gates[-1].open()
        interruption.check()
        _remember(plan, screens[-1].client.name, visits, save, asking=asking)
        reason = _talk(screens[-1], plan.room, ending)
    except KeyboardInterrupt as reason_to_end:
        is_in = bool(screens) and screens[-1].entered
        if not (is_in and (style.person or isinstance(reason_to_end, _AskedToEnd))):
            raise
    finally:
        if screens:
            screens[-1].client.stop(reason)
    _conclude(screens[-1])


def _remember(plan: LoginPlan, name: str, visits: VisitStore, save: str | None, *, asking: bool) -> None:
    """Remember where a person is and as whom, and save the server if that is wanted."""
    from chatctl.cli.saved_visits import place
    from chatctl.client.profile.profile import Profile

    if asking:
        Profile().entered(place(plan, name), save or "")
    elif save is not None:
        visits.keep(plan, name, save)


def _go_on(client: Client, plan: LoginPlan, style: OutputStyle, ending: Ending, visits: VisitStore) -> None:
    """Line by line, where the full screen was left for that."""
    from chatctl.cli.plain.screen import LineScreen

    screen = LineScreen(client, plan.to.address, style, sys.stdout, sys.stderr, plan.room)
    screen.keep = functools.partial(visits.keep, plan)
    screen.go_on()
    client.on(screen.event)
    reason = ""
    try:
        reason = _talk(screen, plan.room, ending)
    except KeyboardInterrupt:
        pass
    finally:
        client.stop(reason)
    _conclude(screen)


def _talk(screen: LineScreen, room: str, ending: Ending) -> str:
    """Talk until the user leaves, the input ends, or the client does; return the reason to give."""
    # While a line is edited Ctrl-C is a key; one that comes before must not be raised into a module being loaded, where
    # Python would drop it.
    if screen.style.person:
        ending.stop = functools.partial(leave_server, screen.client)
    ending.on_signal(screen.end)
    if screen.style.editing:
        signal.signal(signal.SIGINT, lambda *_: screen.end())
    if screen.style.editing:
        from chatctl.cli.plain.terminal import converse as converse_on_terminal

        return converse_on_terminal(screen)
    from chatctl.cli.plain.line_input import PATIENCE_SECONDS, LineInput, converse, send

    lines = LineInput(sys.stdin)
    screen.on_end = lines.close
    if screen.ended:
        lines.close()
    try:
        if screen.style.person:
            return converse(screen, lines)
        confirmed = send(screen, room, lines)
        if lines.replaced:
            say(f"{lines.replaced} lines were not UTF-8; what could not be read in them was sent as \ufffd")
        if not confirmed:
            raise ChatctlError(f"Gave up: the server confirmed nothing for {PATIENCE_SECONDS:.0f} seconds")
        return ""
    finally:
        screen.on_end = lambda: None
        lines.release()


def _conclude(screen: LineScreen) -> None:
    """Raise what the exit code is to say."""
    if screen.client.error is not None:
        raise screen.client.error
    if screen.broken:
        raise BrokenPipeError
    if screen.style.person:
        return
    if screen.failed:
        raise RefusedError("The server did not accept every message; see its answers above")
    if screen.unconfirmed:
        raise ChatctlError(f"{screen.unconfirmed} messages may not have been delivered")


class _OneLine(logging.Handler):
    """The log handler of `join`: one line per event, without a traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        what = f": {type(error).__name__}: {error}" if error is not None else ""
        say(" ".join(f"{record.getMessage()}{what}".split()))


def _log_in_one_line() -> None:
    log = logging.getLogger("chatctl.client")
    log.handlers = [_OneLine()]
    log.propagate = False


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


@contextlib.contextmanager
def _has_no_answer() -> Iterator[None]:
    """Ctrl-D at a question before registration, which ends the command as Ctrl-C does."""
    try:
        yield
    except EOFError:
        print()
        raise KeyboardInterrupt from None


class _AskedToEnd(KeyboardInterrupt):
    """SIGTERM or SIGHUP. Between registration and the first line read it ends the command already."""


class Interruption:
    """Treats SIGTERM and SIGHUP as an interruption like Ctrl-C until the login is complete.

    A signal may come while Python runs what cannot raise (a finalizer, a callback of the collector): then the exception
    is dropped, and :meth:`check` raises it later.
    """

    def __init__(self, *signals: signal.Signals, ending: Ending | None = None) -> None:
        self._ending = ending
        self._came: KeyboardInterrupt | None = None
        for number in signals:
            signal.signal(number, self._interrupt)

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come."""
        if self._came is not None:
            raise self._came

    def _interrupt(self, number: int, frame: object) -> None:
        if self._ending is not None and number != signal.SIGINT:
            self._ending.begin()
        self._came = KeyboardInterrupt() if number == signal.SIGINT else _AskedToEnd()
        raise self._came
