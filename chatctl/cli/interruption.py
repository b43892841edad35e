"""Ctrl-C, SIGTERM and SIGHUP for `send`, `tail`, `rooms` and `users`: leave the server, and end in time.

Unsent messages stay unsent. Others see that the user quit, unless the server does not accept that within a second. The
process ends within HUNG_SECONDS, whatever hangs: a server, or the reader of its output. A second signal ends it at
once.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from chatctl.cli.failures import INTERRUPTED
from chatctl.cli.shutdown import HUNG_SECONDS, SIGNALS, Ending, leave_server

if TYPE_CHECKING:
    from chatctl.client import Client

_QUIT_SECONDS = 1.0


def leave_when_interrupted() -> Ending:
    """Install signal handlers that disconnect the client of :func:`will_leave` and raise KeyboardInterrupt."""
    ending = Ending(seconds=HUNG_SECONDS, hung_code=INTERRUPTED)

    def interrupt(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        ending.begin()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, *SIGNALS):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # else nohup, or a shell's `&`
            signal.signal(number, interrupt)
    return ending


def will_leave(ending: Ending, client: Client) -> None:
    """Let `ending` disconnect `client`, dropping unsent messages."""
    ending.stop = lambda reason, seconds: leave_server(client, reason, seconds, discard=True)


def leave_now(client: Client) -> None:
    """Disconnect `client`, dropping unsent messages, on this thread."""
    client.stop(seconds=_QUIT_SECONDS, discard=True)
