"""Saving servers under a word, for later visits."""

from __future__ import annotations

from chatctl.client.profile.profile import Profile, SavedVisit
from chatctl.destination.login_plan import LoginPlan
from chatctl.destination.server_address import is_url
from chatctl.errors import ConfigError


class VisitStore:
    """Saves visits, and servers under a short name; `config`: the argument of --config."""

    def __init__(self, config: str | None) -> None:
        self._config = config

    def check(self, word: str) -> None:
        """Raise ConfigError unless a server can be saved under this word."""
        from chatctl.config import load

        if not word or any(character.isspace() for character in word) or is_url(word):
            raise ConfigError("A server is saved under one word, such as work")
        if word in load(config_file=self._config).settings.client.servers:
            raise ConfigError(f"{word} is a server in the settings (client.servers) already; take another word")

    def keep(self, plan: LoginPlan, name: str, word: str) -> None:
        """Save the server of `plan` and the name there under `word`. Raises InputError."""
        from chatctl.client.errors import InputError

        try:
            self.check(word)
        except ConfigError as error:
            raise InputError(f"{str(error)[:1].upper()}{str(error)[1:]}") from None
        Profile().entered(place(plan, name), word)


def place(plan: LoginPlan, name: str) -> SavedVisit:
    """Return the data to remember of a visit to `plan`."""
    return SavedVisit(plan.to.host, plan.to.port, name, plan.room, plan.to.trust.tls)
