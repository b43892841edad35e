"""The settings, as one table: a line each with its kind, its default and the sentence that the example file prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from chatctl.chat.model.policy import Rules
from chatctl.config import kinds, saved
from chatctl.server import Limits

PREFIX = "CHATCTL_"
NESTED = "__"

_RULES = Rules()
_LIMITS = Limits()
"""Settings of the same meaning take their defaults from these, so that a default is written once."""


def key(default: object, about: str, *, flag: str | None = None) -> Any:
    """Define a setting; `flag`: the command-line flag, if there is one."""
    return Field(default, description=about, json_schema_extra={"flag": flag} if flag else None)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(_Table):
    """Encryption."""

    mode: kinds.TlsMode = key(
        "auto",
        "auto: plaintext for this computer only; required, optional or off (no TLS).",
        flag="--tls",
    )
    certificate: kinds.OptionalFile = key(None, "A certificate in PEM form; empty: one is made on the first start.")
    key: kinds.OptionalFile = key(None, "The certificate's key in PEM form, which no other user may read.")


class HistorySettings(_Table):
    """The history."""

    enabled: kinds.YesNo = key(
        True, "Keep history on disk; false: in memory, until the server stops.", flag="--history/--no-history"
    )
    retention_days: kinds.Whole = key(0, "The age in days at which messages are deleted; 0: never.")
    retention_messages: kinds.Whole = key(0, "The maximum number of stored messages; 0: no limit.")
    replay_on_join: kinds.Replay = key(
        _RULES.replay_on_join, "Recent messages for a joining client that cannot request history."
    )


class AccountSettings(_Table):
    """Accounts: names that belong to one user."""

    registration: kinds.WhoRegisters = key(
        _RULES.registration, "Who may make an account: open (all), invite (chatctl invite), closed (only you)."
    )
    guests: kinds.YesNo = key(_RULES.guests, "Admit users who have no account.")
    always_on: kinds.AlwaysOn = key(
        "opt-in",
        "Accounts stay in the chat while offline: opt-out, opt-in, or off.",
    )
    always_on_days: kinds.Count = key(_RULES.always_on_days, "Days after which an offline account leaves the chat.")
    max_members: kinds.Count = key(_RULES.max_members, "The maximum number of offline accounts in the chat.")
    iterations: kinds.Iterations = key(
        _RULES.iterations, "PBKDF2 iterations of new passwords; more are safer and slower."
    )


class LimitSettings(_Table):
    """Limits of the server for connections."""

    messages_per_second: kinds.Whole = key(10, "Messages a second of one user; more are delayed. 0: no limit.")
    connections_per_address: kinds.Whole = key(
        _LIMITS.connections_per_address, "Connections from one address, except this computer. 0: no limit."
    )
    unregistered: kinds.Count = key(_LIMITS.unregistered, "The maximum number of unregistered connections.")
    registration_seconds: kinds.Seconds = key(
        _LIMITS.registration_seconds, "Seconds that a connection has to register."
    )
    idle_seconds: kinds.Seconds = key(_LIMITS.idle_seconds, "Seconds of silence after which a client is sent a PING.")
    outbox_bytes: kinds.Size = key(
        _LIMITS.outbox_bytes, "The limit of a send queue; past it the client is disconnected."
    )
    outbox_total_bytes: kinds.Size = key(_LIMITS.outbox_total_bytes, "The limit of all send queues together.")


class LogSettings(_Table):
    """The server's log, on stderr. It never contains messages."""

    level: kinds.LogLevel = key("info", "debug, info, warning or error.", flag="--log-level")
    format: kinds.LogFormat = key(None, "text, json, or auto: text on a terminal, json elsewhere.")


Servers = Annotated[
    dict[str, saved.SavedServer],
    BeforeValidator(saved.servers),
    kinds.AllowedClause("this is a table of words, each with an address such as ircs://chat.example/tea"),
]


class ClientSettings(_Table):
    """Defaults of `chatctl join`."""

    name: kinds.OptionalText = key(None, "Your name; you are asked if it is not set.", flag="--name")
    room: kinds.Room = key("#lobby", "The room to enter.", flag="--room")
    password_file: kinds.OptionalFile = key(None, "A file that holds the password of the server at host and port.")
    servers: Servers = key({}, 'For `join WORD`: WORD = "ircs://host/room", or a table of host, port, name, room, tls.')


class Settings(BaseSettings):
    """All settings in force. `Settings()` is the defaults; `chatctl.config.load` brings in the other sources."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter=NESTED)

    host: kinds.Address = key("127.0.0.1", 'The address to listen on, or to reach; "::" listens on all.', flag="--host")
    port: kinds.Port = key(5106, "The port; 0 lets the system pick a free one.", flag="--port")
    listener_limit: kinds.Count = key(
        _RULES.listener_limit, "The maximum number of users at once.", flag="--listener-limit"
    )
    advertise: kinds.ReachableHost = key(None, "The address printed for others to join; empty: this computer's own.")
    name: kinds.ServerName = key(_RULES.server_name, "The server's name on IRC.", flag="--server-name")
    network: kinds.Network = key(_RULES.network, "The network's name that IRC clients show.")
    local: kinds.YesNo = key(
        _RULES.local, "Trust this computer's own connections: no limits, no TLS needed. false: if a proxy runs here."
    )
    admin: kinds.Contact = key(None, "How to reach the operator of the server; ADMIN shows it.")
    motd: kinds.Motd = key(None, "The message of the day; several lines between three quotes.")
    password: kinds.Password = key(
        None, "The password that all users need to enter; empty: none. It belongs to host and port."
    )
    password_file: kinds.OptionalFile = key(None, "A file that holds that password, instead of writing it here.")
    data_dir: kinds.OptionalFile = key(
        None, "The folder for history, accounts and bans; empty: the usual place.", flag="--data-dir"
    )
    operators: kinds.Operators = key({}, "Operators that use OPER: name = verifier (chatctl hash-password).")
    history: HistorySettings = HistorySettings()
    tls: TlsSettings = TlsSettings()
    accounts: AccountSettings = AccountSettings()
    limits: LimitSettings = LimitSettings()
    log: LogSettings = LogSettings()
    client: ClientSettings = ClientSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what it is given: `load` asks the sources itself, since it has to know which of them said what."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class SettingKey:
    """A line of the table, as the other files here need it."""

    name: str  # dotted, as in `limits.idle_seconds`
    about: str
    says: kinds.AllowedClause
    default: object
    secret: bool
    flag: str | None

    @property
    def variable(self) -> str:
        return variable(self.name)

    def value(self, settings: Settings) -> object:
        """Return the value in force as plain data; a secret stays a SecretStr."""
        found: object = settings
        for part in self.name.split("."):
            found = getattr(found, part)
        return found


def variable(name: str) -> str:
    """Return the environment variable of a key or a table: `limits.idle_seconds` -> `CHATCTL_LIMITS__IDLE_SECONDS`."""
    return PREFIX + name.replace(".", NESTED).upper()


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[SettingKey]:
    for field_name, field in model.model_fields.items():
        name = prefix + field_name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{name}.")
            continue
        extra = field.json_schema_extra
        yield SettingKey(
            name=name,
            about=field.description or "",
            says=next(item for item in field.metadata if isinstance(item, kinds.AllowedClause)),
            default=field.default,
            secret=SecretStr in getattr(field.annotation, "__args__", (field.annotation,)),
            flag=str(extra["flag"]) if isinstance(extra, dict) else None,
        )


KEYS: dict[str, SettingKey] = {found.name: found for found in _keys(Settings)}
TABLES: dict[str, str] = {  # name -> what the example file prints above it
    name: (field.annotation.__doc__ or "").strip()
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
