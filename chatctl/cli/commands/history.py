"""`chatctl history`: print the last messages of a room."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import hint, reads
from chatctl.cli.time_arguments import moment

if TYPE_CHECKING:
    pass
from chatctl.cli.stored_history import (
    DEFAULT_LIMIT,
    NO_LIMIT,
    LimitOption,
    open_journal,
    print_facts,
    room_of_argument,
)

RoomArgument = Annotated[str | None, typer.Argument(metavar="[ROOM]", help="The room (default: #lobby).")]


SinceOption = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Only newer messages: a time, or 2h.")]


UntilOption = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only older messages.")]


@reads
def history(
    room: RoomArgument = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: options.JsonOption = False,
    data_dir: options.DataDirOption = None,
    verbose: options.VerboseOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Print the last messages of a room."""
    from chatctl.chat.entries.queries import HistoryQuery, Mark
    from chatctl.journal.index.history_reader import read
    from chatctl.protocol.names import room_fold

    now = datetime.now(UTC)
    after, before = moment("--since", since, now), moment("--until", until, now)
    place = room_fold(room_of_argument(room))
    with open_journal(data_dir, config) as connection:
        query = HistoryQuery(
            place,
            limit,
            NO_LIMIT,
            after=Mark(time=after - 1) if after else None,
            before=Mark(time=before) if before else None,
        )
        found = read(connection, query).facts
        if not found:
            hint(f"No stored messages in {room_of_argument(room)}{' at that time' if since or until else ''}")
        print_facts(found, as_json)
