"""How a command ends after an error: one line on stderr per problem, an exit code, never a traceback.

Invariants:

- [known-errors] A `ChatctlError` is printed as `chatctl: <sentence>`, one line per line of its text, and ends with its
  own code.
- [interrupt] Ctrl-C ends with 130 and prints nothing: the user knows. At a prompt it arrives as typer's Abort.
- [closed-stdout] A closed stdout ends a command quietly, at the last flush too. A reading command (`chatctl export |
  head`) ends with 0, since its reader has enough; one that changes or sends something ends with 1, as its report was
  cut. Other system errors, such as a full disk, are reported.
- [no-traceback] Any other exception is a bug. It is one line as well, with its place in the code, for a useful report.
- [typer] Exceptions of typer itself (exit, wrong usage) pass through.

Sentences may quote foreign text (a file's key, a server's reply), so each line is cleaned before it is printed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

import typer

from chatctl.errors import ChatctlError
from chatctl.protocol.clean import clean

INTERRUPTED = 130
DONE = 0
FAILED = 1

P = ParamSpec("P")
R = TypeVar("R")

# Wrong usage is a family of errors that typer does not name; what it does name is a child of it.
_OF_TYPER: tuple[type[Exception], ...] = (typer.Exit, *typer.BadParameter.__bases__)


def reports(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a command, below `@app.command()`: its failures end as this page says."""
    return _reported(command, FAILED)


def reads(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a command that only prints what it reads: a closed stdout ends it with 0."""
    return _reported(command, DONE)


def _reported(command: Callable[P, R], closed: int) -> Callable[P, R]:
    @functools.wraps(command)
    def reported(*args: P.args, **kwargs: P.kwargs) -> R:
        with reporting(closed):
            return command(*args, **kwargs)

    return reported


@contextlib.contextmanager
def reporting(closed: int = FAILED) -> Iterator[None]:
    """The same for a stretch of code; raises `typer.Exit` with the code when something went wrong inside.

    `closed` is the code for a closed stdout.
    """
    try:
        yield
        if sys.stdout is not None:  # None: started with 1>&-
            sys.stdout.flush()  # while its errors can still be told; at the interpreter's exit they are a traceback
    except _OF_TYPER:
        raise
    except (KeyboardInterrupt, typer.Abort):
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        _let_go_of_stdout()
        raise typer.Exit(closed) from None
    except OSError as error:
        # The machine's trouble rather than ours. If it was stdout's, the last flush must not bring it up again.
        _flush_or_let_go()
        say(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
        raise typer.Exit(FAILED) from None
    except ChatctlError as error:
        say(str(error))
        raise typer.Exit(error.exit_code) from None
    except Exception as error:  # noqa: BLE001  # [no-traceback]
        say(f"This is a bug in chatctl, please report it: {_of_ours(error)}")
        raise typer.Exit(FAILED) from None


def say(text: str) -> None:
    """Print each line of `text` on stderr as `chatctl: <line>`; ignore a closed stderr."""
    if sys.stderr is None:  # started with 2>&-
        return
    with contextlib.suppress(OSError):
        for line in text.splitlines():
            print(f"chatctl: {clean(line)}", file=sys.stderr)


class _Verbosity:
    """The value of `--verbose`; set by typer for each command with that option."""

    wanted = False


def set_verbose(wanted: bool) -> None:
    """Take the value of `--verbose`."""
    _Verbosity.wanted = wanted


def remark(text: str) -> None:
    """Print on stderr, with --verbose only: what cron would otherwise send as a mail every night."""
    if _Verbosity.wanted:
        say(text)


def hint(text: str) -> None:
    """Print on stderr if a person reads it there, or with --verbose."""
    if _Verbosity.wanted or (sys.stderr is not None and sys.stderr.isatty()):
        say(text)


def _flush_or_let_go() -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        _let_go_of_stdout()


def _let_go_of_stdout() -> None:
    """Point stdout's descriptor at /dev/null, so that the last flush of buffered output succeeds."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        target = sys.stdout.fileno()
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, target)
        os.close(devnull)


def _of_ours(error: Exception) -> str:
    """`KeyError: 'x' (loop.py, line 12)`: the error in one line, with the innermost place it passed."""
    what = " ".join(traceback.format_exception_only(error)[-1].split())
    frames = traceback.extract_tb(error.__traceback__)
    return f"{what} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else what
