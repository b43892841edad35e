"""Reading on a terminal: a line that is edited in place while others' lines scroll by above it."""

from __future__ import annotations

import threading
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.patch_stdout import StdoutProxy

from chatctl.cli.line.screen import Leaving, LineScreen
from chatctl.client import slash
from chatctl.errors import ChatctlError

_BETWEEN_WRITES = 0.02
"""Seconds that lines are gathered before the prompt is drawn again: too short to be noticed, long enough for a burst."""


def converse(screen: LineScreen, stopped: threading.Event) -> str:
    """Read and do what is typed until the user leaves, `stopped` is set, or the client has ended: the reason to give."""
    commands = WordCompleter([f"/{name}" for name in slash.BY_NAME], sentence=True)
    session: PromptSession[str] = PromptSession(
        erase_when_done=True,  # what was typed comes back as its echo, once
        enable_suspend=True,
        completer=commands,
        complete_while_typing=Condition(lambda: session.default_buffer.text[:1] == "/"),
        reserve_space_for_menu=0,
    )
    with StdoutProxy(raw=True, sleep_between_writes=_BETWEEN_WRITES) as proxy:
        before, screen.out = screen.out, proxy  # type: ignore[assignment]  # writes and flushes as a stream does
        screen.on_end = lambda: _interrupt(session)
        try:
            return _converse(screen, session, stopped)
        finally:
            screen.on_end = lambda: None
            proxy.flush()
            screen.out = before


def _converse(screen: LineScreen, session: PromptSession[str], stopped: threading.Event) -> str:
    while screen.client.running and not screen.broken and not stopped.is_set():
        try:
            line = session.prompt(lambda: screen.prompt)
        except (EOFError, KeyboardInterrupt):
            return ""
        try:
            slash.run(screen, line)
        except Leaving as leaving:
            return str(leaving)
        except ChatctlError as error:
            screen.show(f"!!! {error}")
    return ""


def _interrupt(session: PromptSession[Any]) -> None:
    """End the prompt that runs, from any thread."""
    loop = session.app.loop
    if loop is not None and session.app.is_running:
        loop.call_soon_threadsafe(lambda: session.app.exit(exception=EOFError) if session.app.is_running else None)
