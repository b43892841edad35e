"""The errors that only a client meets; the rest of the tree is :mod:`chatctl.errors`."""

from __future__ import annotations

from chatctl.errors import ChatctlError, NameTakenError, RefusedError


class PasswordError(RefusedError):
    """The server requires a password, or the password is wrong (464; code 5)."""


class BannedError(RefusedError):
    """The operator of the server bans the client (465; code 5). Reconnecting is useless."""


class SentAwayError(RefusedError):
    """An operator ended the connection (KILL; code 5). The user decides whether to reconnect."""


class LoginError(RefusedError):
    """The login to an account failed, or a new password was refused (code 5)."""


class ClearTextError(RefusedError):
    """A password was not sent, because the connection to another machine is not encrypted (code 5)."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not sent in clear text, which others on the way can read; connect with --tls, or to ircs://"
        )


class OwnedNameError(NameTakenError):
    """The name belongs to an account: its owner has to log in (code 5)."""


class AccountNeededError(RefusedError):
    """The server accepts only users who log in to an account (code 5)."""


class InputError(ChatctlError):
    """A request that cannot be sent: `str(error)` says why (code 1)."""


class SecretSaidError(InputError):
    """A message that equals the user's own password; it was not sent."""

    def __init__(self, target: str) -> None:
        super().__init__(
            f"That is your password, so it was not sent. If it is meant as a message: /raw PRIVMSG {target} :TEXT"
        )


class FullError(ChatctlError):
    """The queue of unsent messages is full; the message was dropped (code 1)."""
