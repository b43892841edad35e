"""`chatctl search`: search messages in all rooms and private conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import hint, reads
from chatctl.errors import ConfigError

if TYPE_CHECKING:
    pass
from chatctl.cli.stored_history import (
    DEFAULT_LIMIT,
    NO_LIMIT,
    InRoomOption,
    LimitOption,
    open_journal,
    print_facts,
    room_of_argument,
)

FromOption = Annotated[str | None, typer.Option("--from", metavar="NAME", help="Only messages of this user.")]


@reads
def search(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help='Words to search for; "several in quotes" must occur together.')
    ],
    room: InRoomOption = None,
    source: FromOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: options.JsonOption = False,
    data_dir: options.DataDirOption = None,
    verbose: options.VerboseOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Search messages in all rooms and private conversations.

    The newest matches are printed, oldest first. Exit code 1 if nothing is found.
    """
    if not text.strip():
        raise ConfigError("The text to search for must not be empty")
    from chatctl.chat.entries.queries import SearchQuery
    from chatctl.journal.index.history_reader import read
    from chatctl.protocol.names import fold, room_fold

    places = (room_fold(room_of_argument(room)),) if room else ()
    with open_journal(data_dir, config) as connection:
        found = read(connection, SearchQuery(text, limit, NO_LIMIT, places, fold(source or ""))).facts
        print_facts(found, as_json)
    if not found:
        hint("Nothing was found")
        raise typer.Exit(1)
