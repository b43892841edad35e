"""Reading on a terminal: a line that is edited in place while others' lines scroll by above it."""

from __future__ import annotations

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.patch_stdout import StdoutProxy

from chatctl.cli.line.plain import do_line
from chatctl.cli.line.screen import Leaving, LineScreen
from chatctl.client import slash

_BETWEEN_WRITES = 0.02
"""Seconds in which lines are gathered before the prompt is drawn again: not noticed, and enough in a burst."""


def converse(screen: LineScreen) -> str:
    """Read and do what is typed until the user leaves or the screen has ended: the reason to give."""
    commands = WordCompleter([f"/{name}" for name in slash.BY_NAME], sentence=True)
    session: PromptSession[str] = PromptSession(
        erase_when_done=True,  # what was typed comes back as its echo, once
        enable_suspend=True,
        completer=commands,
        complete_while_typing=False,
    )
    with StdoutProxy(raw=True, sleep_between_writes=_BETWEEN_WRITES) as proxy:
        before, screen.out = screen.out, proxy  # type: ignore[assignment]  # writes and flushes as a stream does
        screen.on_end = lambda: _interrupt(session)
        try:
            return _converse(screen, session)
        finally:
            screen.on_end = lambda: None
            screen.out = before


def _converse(screen: LineScreen, session: PromptSession[str]) -> str:
    while not screen.ended:
        try:
            # The screen may end after the question above and before the prompt can be interrupted: hence `pre_run`.
            line = session.prompt(lambda: screen.prompt, pre_run=lambda: _leave_if_ended(screen, session))
        except (EOFError, KeyboardInterrupt):
            return ""
        try:
            do_line(screen, line)
        except Leaving as leaving:
            return str(leaving)
    return ""


def _leave_if_ended(screen: LineScreen, session: PromptSession[str]) -> None:
    if screen.ended and session.app.is_running:
        session.app.exit(exception=EOFError)


def _interrupt(session: PromptSession[str]) -> None:
    """End the prompt that runs, from any thread."""
    loop = session.app.loop
    if loop is not None and session.app.is_running:
        loop.call_soon_threadsafe(lambda: session.app.exit(exception=EOFError) if session.app.is_running else None)
