"""All commands, by name. A command that is not here does not exist; a test holds the documents to this table."""

from __future__ import annotations

from chatctl.chat.commands import (
    about,
    accounts,
    administration,
    batches,
    connection,
    history,
    listing,
    marks,
    messages,
    metadata,
    modes,
    monitor,
    operators,
    people,
    redaction,
    renaming,
    rooms,
    sasl,
    search,
    server,
    services,
    who,
    whois,
)
from chatctl.chat.commands.base import Command

COMMANDS: dict[str, Command] = {
    row.name: row
    for row in (
        *connection.COMMANDS,
        *rooms.COMMANDS,
        *modes.COMMANDS,
        *listing.COMMANDS,
        *messages.COMMANDS,
        *batches.COMMANDS,
        *people.COMMANDS,
        *marks.COMMANDS,
        *metadata.COMMANDS,
        *redaction.COMMANDS,
        *renaming.COMMANDS,
        *who.COMMANDS,
        *whois.COMMANDS,
        *monitor.COMMANDS,
        *operators.COMMANDS,
        *sasl.COMMANDS,
        *accounts.COMMANDS,
        *services.COMMANDS,
        *history.COMMANDS,
        *search.COMMANDS,
        *about.COMMANDS,
        *server.COMMANDS,
        *administration.COMMANDS,
    )
}

MESSAGES = frozenset({"PRIVMSG", "NOTICE", "TAGMSG", "BATCH"})
"""Commands that may follow each other while earlier ones are still on their way through the order."""

SEEN_BY_OTHERS = MESSAGES | {"JOIN", "PART", "QUIT", "NICK", "TOPIC", "MODE", "KICK", "INVITE", "REDACT", "RENAME"}
"""Commands that are still handled after their connection is lost. Answers would have no reader, and a password check no
session to log in."""

HTTP = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH", "TRACE"})
"""First words of a browser: the connection is closed at once, so that a web page cannot send IRC commands."""
