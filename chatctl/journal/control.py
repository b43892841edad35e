"""Requests of commands to the journal of a running server, through the control socket (server/control/control.py).

- ``import``: ``facts``, some hundreds of them as JSON objects; the answer has ``kept``, ``known``, ``future``.
- ``prune``: ``before``, in ms since 1970 UTC; the answer has ``facts``, the number of deleted ones. Before it there are
  lines with ``more`` and ``facts``, the number so far.

The handlers run on the thread that owns the chat state, and their answers arrive there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

import msgspec

from chatctl.journal.exchange.export_import import Imported, failure_text
from chatctl.journal.exchange.jsonl import ExportedFact
from chatctl.journal.writer import SqliteJournal

Answer = Callable[[Mapping[str, object]], None]
Request = Callable[[Mapping[str, object], Answer], None]

_TELL_EVERY = 0.25  # seconds


class JournalRequests:
    """The handlers, by command in `handlers`.

    `released` gives the last seq that was released; `changed` is called where history has changed.
    """

    def __init__(self, journal: SqliteJournal, released: Callable[[], int], changed: Callable[[], None]) -> None:
        self._journal = journal
        self._released = released
        self._changed = changed
        journal.when_pruned(changed)
        self.handlers: dict[str, Request] = {"import": self._import, "prune": self._prune}

    def _import(self, request: Mapping[str, object], answer: Answer) -> None:
        def done(result: Imported | Exception) -> None:
            if isinstance(result, Exception):
                answer(_no(failure_text(result)))
                return
            if result.kept:
                self._changed()
            answer({"ok": True, **asdict(result)})

        try:
            facts = msgspec.convert(request.get("facts"), list[ExportedFact])
        except msgspec.ValidationError as error:
            answer(_no(f"These are not valid records: {error}"))
        else:
            self._journal.import_facts(facts, self._released(), done)

    def _prune(self, request: Mapping[str, object], answer: Answer) -> None:
        told_at = 0.0

        def progress(facts: int) -> None:
            nonlocal told_at
            if time.monotonic() - told_at > _TELL_EVERY:
                told_at = time.monotonic()
                answer({"ok": True, "more": True, "facts": facts})

        def done(result: int | Exception) -> None:
            answer(_no(failure_text(result)) if isinstance(result, Exception) else {"ok": True, "facts": result})

        before = request.get("before")
        if isinstance(before, int):
            self._journal.prune(before, done, progress)
        else:
            answer(_no("before must be a time in ms"))


def _no(error: str) -> dict[str, object]:
    return {"ok": False, "error": error}
