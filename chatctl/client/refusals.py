"""The errors that only a client meets; the rest of the tree is :mod:`chatctl.errors`."""

from __future__ import annotations

from chatctl.errors import ChatctlError, RefusedError


class PasswordError(RefusedError):
    """The server wants a password, or another one (464; code 5)."""


class InputError(ChatctlError):
    """Something asked of the client that cannot be sent: `str(error)` says why (code 1)."""


class FullError(ChatctlError):
    """Too much is waiting to be sent already; this was not kept (code 1)."""
