"""Facts as lines of JSON: the format of `export` and `import`.

Invariants:

- [one-per-line] One fact per line, all fields by name, UTF-8. Empty lines are skipped.
- [valid-or-reported] A line is valid if it has these fields and could be shown to a client. Errors of others are
  reported with the line number, and the line is left out.
- [account-id] `account_id` identifies the account of a name: names are given again, ids are not. The importing journal
  uses it ([import-owner] in export_import.py).
- [oldest-first] Facts are yielded oldest first, and in the file's order for equal times.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import BinaryIO

import msgspec

from chatctl.chat.entries.facts import Fact
from chatctl.chat.history.history_batch import problem
from chatctl.protocol.clean import escaped


class ExportedFact(Fact):
    """A fact on its way from one journal to another, with the id of the account in `account`, or ``""``."""

    account_id: str = ""


BATCH = 256
"""Facts handed over together: a few milliseconds of the journal's time."""
MAX_REPORTED_ERRORS = 10
"""Invalid lines that are kept with their error; further ones are counted."""
_MAX_LINE_BYTES = 1 << 20
_MAX_BATCH_BYTES = 4 << 20  # bytes: a request to the running server holds it with room to spare
_LATEST = 1 << 53

_decode = msgspec.json.Decoder(ExportedFact).decode
_encode = msgspec.json.Encoder().encode


def to_line(fact: Fact) -> str:
    """Return a fact as a line, without its end. Nothing in it can act on a terminal."""
    return escaped(_encode(fact).decode())


class FactFile:
    """A file of facts, read twice: to check it, then to yield its facts in order. It must be seekable."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._times = array("q")
        self._offsets = array("q")
        self.bad: list[tuple[int, str]] = []
        """Line numbers (from 1) and errors, the first MAX_REPORTED_ERRORS of them."""
        self.bad_count = 0

    def __len__(self) -> int:
        """Return the number of valid lines."""
        return len(self._times)

    def survey(self, progress: Callable[[int], None]) -> None:
        """Look at each line; `progress` gets the bytes read since the last time."""
        file = self._file
        file.seek(0)
        offset = told = number = 0
        while line := file.readline(_MAX_LINE_BYTES):
            number += 1
            began = offset
            offset += len(line)
            if line.strip():
                self._look(line, number, began)
            while not line.endswith(b"\n") and (line := file.readline(_MAX_LINE_BYTES)):
                offset += len(line)  # the rest of a line that is too long
            if offset - told >= _MAX_LINE_BYTES:
                progress(offset - told)
                told = offset
        progress(offset - told)

    def _look(self, line: bytes, number: int, offset: int) -> None:
        try:
            fact = _decode(line)
        except RecursionError:
            why = "it is nested too deeply"
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            why = str(error) if len(line) < _MAX_LINE_BYTES else "it is too long"
        else:
            why = (
                problem(fact)
                if 0 <= fact.time < _LATEST
                else f"{fact.time} is not a valid time in milliseconds since 1970"
            )
            if not why:
                self._times.append(fact.time)
                self._offsets.append(offset)
                return
        self.bad_count += 1
        if len(self.bad) < MAX_REPORTED_ERRORS:
            self.bad.append((number, why))

    def batches(self) -> Iterator[list[Fact]]:
        """Yield the facts of valid lines, oldest first, some hundreds at a time. After `survey`."""
        file, times, offsets = self._file, self._times, self._offsets
        batch: list[Fact] = []
        size = 0
        for at in sorted(range(len(times)), key=times.__getitem__):
            if file.tell() != offsets[at]:
                file.seek(offsets[at])
            line = file.readline(_MAX_LINE_BYTES)
            batch.append(_decode(line))
            size += len(line)
            if len(batch) == BATCH or size > _MAX_BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch
