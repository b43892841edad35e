"""Rules for new passwords, the same wherever one is chosen: on the server, in commands, on both screens."""

from __future__ import annotations

from chatctl.protocol import names

MIN_PASSWORD_CHARACTERS = 6
"""Guessing is slow (chat/commands/login_throttle), so that short passwords need not be forbidden altogether."""

MAX_PASSWORD_BYTES = 300
"""Fits in a line to NickServ and in one AUTHENTICATE of SASL PLAIN (account-registration, "Server considerations")."""


def weak_password(password: str, name: str = "") -> str | None:
    """Return why a new password for the account `name` is too easy to guess, as a sentence; None if it is not."""
    if not password:
        return "The password must not be empty"
    if len(password) < MIN_PASSWORD_CHARACTERS:
        return f"The password must have at least {MIN_PASSWORD_CHARACTERS} characters; please choose a longer one"
    if name and names.fold(password) == names.fold(name):
        return "The password must not be the name; please choose another"
    return None


def unusable_password(password: str) -> str | None:
    """Return why a new password cannot be sent, as a sentence; None if it can."""
    if len(password.encode(errors="replace")) > MAX_PASSWORD_BYTES:
        return f"The password must have at most {MAX_PASSWORD_BYTES} bytes; please choose a shorter one"
    if any(character in "\0\r\n" for character in password):
        return "The password must be one line"
    return None


def password_problem(password: str, name: str = "") -> str | None:
    """Return why a new password for the account `name` is refused, as a sentence; None if it is not."""
    return weak_password(password, name) or unusable_password(password)
