"""A client from the same settings as the commands: CHATCTL_* variables and the settings file."""

from __future__ import annotations

from chatctl.client import Client
from chatctl.destination.join_plan import JoinArguments, plan_login
from chatctl.errors import ConfigError

__all__ = ["client_from_settings"]


def client_from_settings(
    server: str = "",
    *,
    name: str | None = None,
    room: str | None = None,
    account: str | None = None,
    password_file: str | None = None,
    config_file: str | None = None,
) -> Client:
    """Make a client as `chatctl send` does, from CHATCTL_* variables and the settings file. It is not started.

    Args:
        server: An address such as ``ircs://chat.example/tea``, or the name of a saved server.
        name: The wanted name, instead of `client.name`.
        room: The room to join, instead of `client.room`.
        account: The account to log in to.
        password_file: A file with that account's password.
        config_file: The settings file, instead of the one in CHATCTL_CONFIG.

    Returns:
        The client. Use it as a context manager, or call its `start`.

    Raises:
        ConfigError: A setting is wrong, or there is no name.
        InvalidNameError: The name is not valid on any server.
    """
    plan = plan_login(
        JoinArguments(server, name=name, room=room, config=config_file, account=account, password_file=password_file)
    )
    if not plan.name:
        raise ConfigError("No name was given: set CHATCTL_CLIENT__NAME, or give client_from_settings a name")
    return Client(
        plan.to.host,
        plan.to.port,
        name=plan.name,
        rooms=[plan.room],
        password=plan.password,
        trust=plan.to.trust,
        login=plan.login,
    )
