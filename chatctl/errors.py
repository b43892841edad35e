"""The exceptions of chatctl, as one tree.

Every error has the sentence to show to the user, and the exit code of a command that it ends:

====  ==========================================================================================
code  meaning, the same for every command
====  ==========================================================================================
0     done
1     no (a name is taken), or any failure not named below
2     wrong usage or configuration; port in use or not permitted; a damaged journal
3     an invalid name
4     the server cannot be reached
5     the server refused: full, banned, wrong password, name taken without a terminal to ask on
130   interrupted
====  ==========================================================================================
"""

from __future__ import annotations


class ChatctlError(Exception):
    """Base class of errors for users: `str(error)` is a whole sentence that says what to do next."""

    exit_code = 1


class ConfigError(ChatctlError):
    """A setting that is unknown, misspelt or out of range, or a file that cannot be read (code 2)."""

    exit_code = 2


class StartError(ChatctlError):
    """The server cannot start: port in use, not permitted, unknown host (code 2)."""

    exit_code = 2


class JournalError(ChatctlError):
    """The outcome of a commit is unknown: the server stops rather than show something that is not stored (code 1)."""


class InvalidNameError(ChatctlError):
    """A name that is not valid (code 3)."""

    exit_code = 3


class UnreachableError(ChatctlError):
    """No server answered, or it is not a chat server (code 4)."""

    exit_code = 4


class RefusedError(ChatctlError):
    """The server answered, and refused (code 5)."""

    exit_code = 5


class NameTakenError(RefusedError):
    """The name belongs to another user (code 5)."""


def traceback_place(error: BaseException) -> str:
    """Return the innermost place of a traceback, without any text of users."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace is not None else "?"
