"""`chatctl import`: history brought in. And where history is changed, which `chatctl prune` uses too.

Through the running server, which alone writes while it runs; else on the data folder itself, with its lock held. On
stderr they say which of the two it is.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Protocol

import typer

from chatctl.cli import options
from chatctl.cli.failures import remark, reports, say
from chatctl.errors import ChatctlError, ConfigError, StartError, UnreachableError

if TYPE_CHECKING:
    from chatctl.chat.entries.facts import Fact
    from chatctl.journal.exchange.export_import import Imported
    from chatctl.journal.exchange.jsonl import FactFile

_PRUNE_SECONDS = 300.0
"""How long a busy server may take for the next slice."""

Counted = Callable[[int], None]


class _History(Protocol):
    """Changes to the history, by the running server or directly."""

    def import_facts(self, facts: Sequence[Fact]) -> Imported: ...

    def prune(self, before: int, progress: Counted) -> int: ...


@reports
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file written by `chatctl export`; - for stdin.")],
    data_dir: options.DataDirOption = None,
    verbose: options.VerboseOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Import exported messages into the history.

    Each goes to its place; existing ones are left unchanged, so an interrupted import is repeated. Topics, modes and
    accounts are not in an export: `backup` has those.
    """
    from chatctl.journal.exchange.export_import import Imported
    from chatctl.journal.exchange.jsonl import FactFile

    with _opened(file) as opened:
        facts = FactFile(opened)
        with _bar("Reading", opened.seek(0, 2)) as progress:
            facts.survey(progress)
        _report_invalid_lines(facts)
        total = Imported()
        with history_in_force(data_dir, config, make=True) as history, _bar("Importing", len(facts)) as progress:
            try:
                for batch in facts.batches():
                    total += history.import_facts(batch)
                    progress(len(batch))
            except BaseException:
                say(f"Interrupted after {_report(total)}. Repeat the command to continue.")
                raise
    print(f"Imported: {_report(total)}.")
    if facts.bad_count:
        raise typer.Exit(1)


# Input.


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    """Open the file, or a copy of stdin: it is read twice."""
    if file == "-":
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            yield copy
        return
    with Path(file).open("rb") as opened:
        if not opened.seekable():
            raise ConfigError(f"{file} is not a regular file; give it as stdin: chatctl import - < {file}")
        yield opened


def _report_invalid_lines(facts: FactFile) -> None:
    for number, why in facts.bad:
        say(f"Line {number} is left out, since it is not a valid record: {why}")
    if more := facts.bad_count - len(facts.bad):
        say(f"{more} more lines are left out")
    if facts.bad_count and not len(facts):
        raise ChatctlError(
            "There is nothing to import: no valid records. `chatctl export` writes files that can be imported."
        )


# Output.


@contextmanager
def history_in_force(data_dir: str | None, config: str | None, *, make: bool) -> Iterator[_History]:
    """Open the history: that of the running server, or that of the data folder."""
    from chatctl.config import load
    from chatctl.journal import holder, journal_file, prepare
    from chatctl.journal.exchange.offline import StoppedJournal
    from chatctl.wiring import data_folder

    folder = data_folder(load(config_file=config, flags={"data_dir": data_dir}, use_files=True))
    held = holder(folder)
    if held is not None:
        running = _Running(folder)
        if not running.answers():
            raise StartError(f"The data folder {folder} is in use by {held}; try again when that has ended")
        remark(f"Through the running server of {folder} ({held})")
        yield running
        return
    if not make and not journal_file(folder).exists():
        raise UnreachableError(f"There is no history in {folder}; give the right folder with --data-dir")
    with StoppedJournal(prepare(folder), deletes=not make) as stopped:
        remark(f"Writing to {folder}; no server runs on it")
        yield stopped


class _Running:
    """The running server's history, through its control socket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def answers(self) -> bool:
        """Return whether a server is running."""
        from chatctl.cli.control_client import ask_server

        try:
            ask_server(self._folder, {"command": "status"})
        except UnreachableError:
            return False
        return True

    def import_facts(self, facts: Sequence[Fact]) -> Imported:
        """Import some hundred facts."""
        from msgspec.structs import asdict

        from chatctl.cli.control_client import ask_server
        from chatctl.journal.exchange.export_import import Imported

        answer = ask_server(self._folder, {"command": "import", "facts": [asdict(fact) for fact in facts]}, 60.0)
        return Imported(*(int(str(answer.get(name, 0))) for name in ("kept", "known", "future")))

    def prune(self, before: int, progress: Counted) -> int:
        """Delete older messages."""
        from chatctl.cli.control_client import ask_server

        def more(answer: dict[str, object]) -> None:
            progress(int(str(answer.get("facts", 0))))

        request = {"command": "prune", "before": before}
        return int(str(ask_server(self._folder, request, _PRUNE_SECONDS, more)["facts"]))


# Reports.


def _report(total: Imported) -> str:
    parts = [f"{total.kept:,} messages and events"]
    if total.known:
        parts.append(f"{total.known:,} were there already")
    if total.future:
        parts.append(f"{total.future:,} lie in the future and were left out")
    return "; ".join(parts)


@contextmanager
def _bar(label: str, length: int) -> Iterator[Counted]:
    """Show a progress bar on stderr, if that is a terminal."""
    with contextlib.ExitStack() as stack:
        if sys.stderr is not None and sys.stderr.isatty():
            bar = stack.enter_context(typer.progressbar(length=length, label=f"{label:<10}", file=sys.stderr))
            yield bar.update
        else:
            yield lambda count: None
