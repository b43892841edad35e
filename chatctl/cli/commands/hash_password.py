"""`chatctl hash-password`: what the settings keep of an operator's password."""

from __future__ import annotations

import sys

from chatctl.cli.failures import reports
from chatctl.errors import ConfigError


@reports
def hash_password() -> None:
    """Print a password's verifier, for the setting operators.

    The password is asked for and not shown, or read from the first line of a pipe; it is never an argument.
    """
    import secrets

    from chatctl.cli.passwords import new_password
    from chatctl.protocol import scram

    password = new_password("Password (not shown): ", sys.stdin)
    try:
        password.encode()
    except UnicodeEncodeError:
        raise ConfigError("The password is not UTF-8 text") from None
    print(scram.make(password, secrets.token_bytes(scram.SALT_BYTES), scram.DEFAULT_ITERATIONS))
