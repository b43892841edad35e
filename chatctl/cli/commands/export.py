"""`chatctl export`: write everything that is kept to stdout."""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import hint, reads
from chatctl.errors import ConfigError

if TYPE_CHECKING:
    from chatctl.chat.entries.facts import Fact
from chatctl.cli.stored_history import InRoomOption, as_text_lines, open_journal, room_of_argument

FormatOption = Annotated[str, typer.Option("--format", metavar="FORMAT", help="jsonl, txt or html.")]


@reads
def export(
    form: FormatOption = "jsonl",
    room: InRoomOption = None,
    data_dir: options.DataDirOption = None,
    verbose: options.VerboseOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Write the stored history to stdout.

    jsonl has all of it, and can be imported again; txt and html are for reading.
    """
    from chatctl.journal.exchange.export_import import exported
    from chatctl.protocol.names import room_fold

    writer = _FORMATS.get(form)
    if writer is None:
        raise ConfigError(f'--format is "{form}", but it is one of {", ".join(_FORMATS)}')
    place = room_fold(room_of_argument(room)) if room else ""
    with open_journal(data_dir, config) as connection:
        kept = exported(connection, place=place)
        first = list(itertools.islice(kept, 1))
        for line in writer(itertools.chain(first, kept)):
            print(line)
    if not first:
        hint(f"No stored history of {room_of_argument(room)}" if room else "No stored history")


def _as_jsonl(facts: Iterable[Fact]) -> Iterator[str]:
    """Return facts as they are, for `import`."""
    from chatctl.journal.exchange.jsonl import to_line

    return map(to_line, facts)


def _as_html(facts: Iterable[Fact]) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><meta charset="utf-8"><title>chatctl</title>'
    yield "<style>body{font:16px sans-serif;max-width:50em;margin:auto}time{color:#666;margin-right:1em}"
    yield "bdi{white-space:pre-wrap}</style>"
    for line in as_text_lines(facts):
        time, _, rest = line.partition("  ")
        yield f"<p><time>{html.escape(time)}</time><bdi>{html.escape(rest)}</bdi></p>"
    yield "</html>"


_FORMATS: dict[str, Callable[[Iterable[Fact]], Iterator[str]]] = {
    "jsonl": _as_jsonl,
    "txt": as_text_lines,
    "html": _as_html,
}
