"""Common parts of `export`, `history`, `search`.

They work with and without a running server: SQLite's readers block no writer, and see only committed messages. With
--verbose they report on stderr whether a server runs.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli.failures import remark, say
from chatctl.cli.time_arguments import iso, local
from chatctl.destination.server_address import is_url
from chatctl.errors import ChatctlError, ConfigError, StartError, UnreachableError

if TYPE_CHECKING:
    import sqlite3

    from chatctl.chat.entries.facts import Fact


NO_LIMIT = 1 << 52


DEFAULT_LIMIT = 50


_SIGNS = {
    "+draft/react": "reacted",
    "+react": "reacted",
    "+draft/unreact": "took back the reaction",
    "+unreact": "took back the reaction",
}
"""Tags of a message without text, in words."""


LimitOption = Annotated[
    int, typer.Option("--limit", metavar="NUMBER", min=1, max=1_000_000, help="The maximum number of messages.")
]


InRoomOption = Annotated[str | None, typer.Option("--room", metavar="ROOM", help="Only this room.")]


@contextmanager
def open_journal(data_dir: str | None, config: str | None) -> Iterator[sqlite3.Connection]:
    from chatctl.config import load
    from chatctl.journal import journal_file
    from chatctl.journal.store.schema import check, open_reading
    from chatctl.wiring import data_folder

    folder = data_folder(load(config_file=config, flags={"data_dir": data_dir}, use_files=True))
    _report_source(folder)
    path = _existing(journal_file(folder))
    with _readable(path):
        if not check(path):
            _migrate(folder)
        with contextlib.closing(open_reading(path)) as connection:
            yield connection


def _migrate(folder: Path) -> None:
    """Migrate a journal of an older version, by opening it for writing."""
    from chatctl.journal import holder, prepare
    from chatctl.journal.exchange.offline import StoppedJournal

    held = holder(folder)
    if held is not None:
        raise StartError(
            f"An older chatctl is running on {folder} ({held}): restart it with this version, then try again"
        )
    say("Migrating the history to the format of this version, once")
    with StoppedJournal(prepare(folder)):
        pass


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import sqlite3

    from chatctl.journal.store.damage import DamagedJournalError, is_damage

    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            raise DamagedJournalError(path, str(error)) from None
        raise ChatctlError(f"The history {path} cannot be read: {error}") from None


def _existing(path: Path) -> Path:
    from chatctl.journal.store.damage import refuse_remains

    refuse_remains(path)
    if not path.exists():
        raise UnreachableError(f"There is no history in {path.parent}; give the right folder with --data-dir")
    return path


def existing_journal(folder: Path) -> Path:
    """Return the journal of a folder, and say on stderr whether a server runs on it. Raises UnreachableError for none,
    StartError for one that is empty."""
    from chatctl.journal import journal_file

    _report_source(folder)
    return _existing(journal_file(folder))


def _report_source(folder: Path) -> None:
    from chatctl.journal import holder

    held = holder(folder)
    state = f"a server is running ({held})" if held is not None else "no server runs on it"
    remark(f"Reading {folder}; {state}")


def room_of_argument(name: str | None) -> str:
    """Return the room: the default one for an empty name; ``dev`` means ``#dev``. Raises ConfigError for rooms
    elsewhere."""
    if name and is_url(name):
        raise ConfigError(
            "history, search and export read the data folder of a server on this computer (--data-dir); "
            f"for messages elsewhere: chatctl tail {name}"
        )
    name = name or "#lobby"
    return name if name.startswith("#") else f"#{name}"


def print_facts(facts: Iterable[Fact], as_json: bool) -> None:
    for line in _as_objects(facts) if as_json else as_text_lines(facts):
        print(line)


def _as_objects(facts: Iterable[Fact]) -> Iterator[str]:
    """Yield one JSON object per message, with the keys that `join --json` uses."""
    from chatctl.protocol.clean import escaped
    from chatctl.protocol.message import nick_of

    for fact in facts:
        fields = {
            "type": "message" if fact.kind == "PRIVMSG" else fact.kind.lower(),
            "time": iso(fact.time),
            "room" if fact.place.startswith("#") else "to": fact.target,
            "name": nick_of(fact.source),
            "text": fact.text,
            "id": fact.message_id,
        }
        yield escaped(json.dumps(fields, ensure_ascii=False))


def _words(fact: Fact) -> str:
    """Yield a fact in words; of a message each non-blank line, with its sender before it."""
    from chatctl.protocol.message import nick_of

    nick, text = nick_of(fact.source), fact.text
    if fact.kind in ("PRIVMSG", "NOTICE"):
        before = f"[{nick}]: "
        if text.startswith("\x01ACTION "):
            before, text = f"* {nick} ", text[8:].removesuffix("\x01")
        return "\n".join(before + line for line in text.split("\n") if line.strip()) or before
    what = {
        "JOIN": "--> {nick} joined",
        "PART": "<-- {nick} left",
        "QUIT": "<-- {nick} left",
        "KICK": "<-- {nick} removed {text}",
        "NICK": "--- {nick} is now {text}",
        "TOPIC": "--- {nick} set the topic: {text}",
        "MODE": "--- {nick} changed the settings: {text}",
        "RENAME": "--- {old} is {new} from here on",
        "REDACT": "--- {nick} took a message back",
        "REDACTED": "--- a message of {nick} that was taken back",
        "TAGMSG": "--- {nick} {sign}",
    }.get(fact.kind, "--- {nick} {text}")
    old, _, new = text.partition(" ")
    sign = next((f"{_SIGNS[name]}: {value}" for name, value in fact.tags.items() if name in _SIGNS), "gave a sign")
    return what.format(nick=nick, text=text, old=old, new=new.partition(" ")[0], sign=sign)


def as_text_lines(facts: Iterable[Fact]) -> Iterator[str]:
    from chatctl.protocol.clean import clean, isolate

    # Isolated only for a terminal: in other output these would be characters that no user wrote.
    safe = isolate if sys.stdout is not None and sys.stdout.isatty() else clean
    for fact in facts:
        for line in _words(fact).split("\n"):
            yield f"{local(fact.time)}  {clean(fact.target)}  {safe(line)}"
