"""Reading on a terminal: a line that is edited in place while messages scroll by above it.

Invariants:

- [one-prompt] One prompt runs from beginning to end. Enter takes the line out of it and leaves the prompt in place, so
  no arriving line can be drawn over it. (A prompt per line has such moments, and loses lines in them.)
- [write-above] Output is queued, and written by the prompt's own loop, above the line being typed. Each line is written
  once: by the loop while it runs, then by the code that ended it.
- [raw-mode] The terminal stays in raw mode meanwhile. (prompt_toolkit's `run_in_terminal` leaves it for a moment: input
  of that moment is echoed by the system into the middle of the screen, and a Ctrl-D is lost.)
- [no-cpr] The terminal is never asked for its cursor position: the answer arrives after more lines were written, and
  the screen would be scrolled by that many.
- [echo-once] A typed line is not shown as it is sent: its echo shows it, once.
- [hidden] While a question with a hidden answer is asked (:mod:`.hidden`), stars are shown, nothing is remembered, and
  Ctrl-C and Ctrl-D cancel it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.filters import Condition, is_done
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle

from chatctl.cli.plain.line_input import do_line
from chatctl.cli.plain.screen import LineScreen, UserLeft, Writer
from chatctl.client.slash import table


class AboveLineWriter:
    """Writes above the line being typed, from any thread ([write-above]). A
    :class:`chatctl.cli.plain.screen.Writer`."""

    def __init__(self, session: PromptSession[str], screen: LineScreen, out: Writer) -> None:
        self._session = session
        self._screen = screen
        self._out = out
        self._texts: deque[str] = deque()
        self._asked = False
        self._over = False
        self._lock = threading.Lock()

    def write(self, text: str, /) -> object:
        """Write `text` soon."""
        with self._lock:
            self._texts.append(text)
            over = self._over
        if over:  # a thread that writes now took this object before it was replaced
            self._write(line_end="\n")
        return None

    def flush(self) -> None:
        """Ask the loop to write, unless it has been asked. Before the loop runs its start will ask."""
        loop = self._session.app.loop
        with self._lock:
            if self._asked or not self._texts or loop is None or not self._session.app.is_running:
                return
            self._asked = True
        loop.call_soon_threadsafe(self._write_above)

    def _write_above(self) -> None:
        """Remove the typed line from the screen, write, and draw it again. Runs on the loop."""
        app = self._session.app
        if app.is_running:  # else the rest is written after the loop
            app.renderer.erase()
            self._write(line_end="\r\n")
            app.invalidate()

    def write_rest(self) -> None:
        """Write the rest of the output after the end of the loop."""
        with self._lock:
            self._over = True
        self._write(line_end="\n")

    def _write(self, line_end: str) -> None:
        with self._lock:
            self._asked = False
            text = "".join(self._texts)
            self._texts.clear()
        try:
            self._out.write(text.replace("\n", line_end))
            self._out.flush()
        except (OSError, ValueError):  # the terminal is gone
            self._screen.broken = True
            self._screen.end()


def converse(screen: LineScreen) -> str:
    """Carry out typed lines until the user leaves or the screen has ended; return the reason."""
    output = Vt100_Output.from_pty(sys.stdout, term=os.environ.get("TERM"))
    output.enable_cpr = False  # [no-cpr]
    session: PromptSession[str] = PromptSession(
        lambda: screen.prompt,
        key_bindings=_keys(screen),
        completer=WordCompleter([f"/{name}" for name in table.BY_NAME], sentence=True),
        complete_while_typing=False,
        complete_style=CompleteStyle.READLINE_LIKE,  # a menu would need empty lines below the prompt
        reserve_space_for_menu=0,
        is_password=Condition(lambda: screen.question is not None),
        enable_suspend=True,
        output=output,
        erase_when_done=True,
    )
    above = AboveLineWriter(session, screen, screen.out)
    screen.out, out = above, screen.out
    screen.on_end = lambda: _interrupt(session)

    def started() -> None:
        above.flush()
        if screen.ended:  # before there was a prompt to interrupt
            session.app.exit(exception=EOFError)

    try:
        return session.prompt(pre_run=started)
    except (EOFError, KeyboardInterrupt):
        return ""
    finally:
        screen.on_end = lambda: None
        screen.out = out
        above.write_rest()


def _keys(screen: LineScreen) -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=~is_done)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        line = buffer.text
        parts = line.split("\n")  # several if lines were pasted
        secret = screen.question is not None or any(map(table.asks_password, parts))
        buffer.reset(append_to_history=bool(line.strip()) and not secret)
        try:
            for part in parts:
                do_line(screen, part)
        except UserLeft as leaving:
            event.app.exit(result=str(leaving))

    asked = Condition(lambda: screen.question is not None)

    @keys.add("c-c", filter=asked & ~is_done)
    @keys.add("c-d", filter=asked & ~is_done)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.reset()
        screen.ask(None)

    for key in ("up", "down", "c-p", "c-n", "c-r", "c-s", "tab"):  # the history, and completion

        @keys.add(key, filter=asked)
        def _(event: KeyPressEvent) -> None:
            return

    return keys


def _interrupt(session: PromptSession[str]) -> None:
    """End the prompt, from any thread."""
    loop = session.app.loop
    if loop is not None and session.app.is_running:
        loop.call_soon_threadsafe(lambda: session.app.exit(exception=EOFError) if session.app.is_running else None)
