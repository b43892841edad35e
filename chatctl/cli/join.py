"""`chatctl join`: enter a chat and talk.

Three ways, by what stdin and stdout are:

- both a terminal: people. What others say scrolls by above the line being typed.
- stdin a terminal, or TERM=dumb: people as well, with plain lines.
- stdin a pipe or a file: each line is one message, commands included, since a line of a log may well begin with a
  slash. At the end it waits for the last echo and leaves. It gives up after GIVE_UP seconds without a server.

stdout gets what others say; own messages only where the typed line was taken off the screen, and with --json.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from chatctl.cli import options
from chatctl.cli.failures import reports, say
from chatctl.errors import ChatctlError, RefusedError

if TYPE_CHECKING:
    from chatctl.cli.line.screen import LineScreen
    from chatctl.client import Client

GIVE_UP = 30.0
_FLUSH = 30.0


@reports
def join(
    host: options.HostOption = None,
    port: options.PortOption = None,
    name: options.NameOption = None,
    room: options.RoomOption = None,
    plain: options.PlainOption = False,
    as_json: options.JsonOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Enter a chat and talk. /help shows what you can type; /quit, Ctrl-D or Ctrl-C leaves.

    Without a terminal each line of the input is one message.
    """
    stopped = _stop_on_signal()

    from chatctl.cli.line.entering import Wish, enter
    from chatctl.cli.line.screen import LineScreen
    from chatctl.cli.target import hinting, target
    from chatctl.config import load

    flags = {"host": host, "port": port, "client": {"name": name, "room": room}}
    loaded = load(config_file=config, flags=flags)
    for notice in loaded.notices:
        say(notice)
    settings = loaded.settings
    person = _is_terminal(sys.stdin)
    full = person and _is_terminal(sys.stdout) and not as_json
    editing = full and os.environ.get("TERM", "dumb") != "dumb"
    password = loaded.client_password() or loaded.server_password()
    to, number = target(settings)
    wish = Wish(to, number, settings.client.room, settings.client.name, password, None if person else GIVE_UP)
    address = f"[{to}]:{number}" if ":" in to else f"{to}:{number}"
    colour = full and editing and not os.environ.get("NO_COLOR")
    screens: list[LineScreen] = []

    def prepare(client: Client) -> None:
        screen = LineScreen(
            client, address, sys.stdout, sys.stderr, colour=colour, as_json=as_json, shows_own=editing
        )
        client.on(screen.event)
        screens.append(screen)

    with hinting():
        client = enter(wish, prepare, asking=full)
    screen = screens[-1]
    reason = ""
    try:
        reason = _talk(screen, stopped, person=person, editing=editing)
    except KeyboardInterrupt:
        pass
    finally:
        client.stop(reason)
    _conclude(screen, person=person)


def _talk(screen: LineScreen, stopped: _Stop, *, person: bool, editing: bool) -> str:
    """Until the user leaves, the input ends, or the client does: the reason to give."""
    if editing:
        from chatctl.cli.line.terminal import converse

        return converse(screen, stopped)
    from chatctl.cli.line.plain import LineInput
