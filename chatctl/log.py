"""Structured logs, written by their own thread, so that no caller ever waits for a terminal, a pipe or a disk.

Invariants:

- [bounded-queue] A call puts one record into a bounded queue and returns. Records below the level cost one comparison.
- [drop-and-count] When the queue is full, records are dropped and counted; once there is room the count is logged.
- [one-writer] Only the thread "log" formats and writes. A stalled stream stalls this thread alone; a closed one is
  given up, and later records are discarded. `stop` has a deadline.
- [daemon] The thread is a daemon, since a write that never returns must not keep the process from ending. It writes to
  the stream's descriptor: a thread left behind inside `sys.stderr.write` would hold the stream's lock, and the
  interpreter's last flush would abort the process.
- [plain-values] Values are plain (text, numbers, None); callers convert others. Texts are cleaned of control
  characters, since much of the logged text comes from unknown clients.
- [no-messages] Text of users is never logged. That is the callers' duty; it cannot be checked here.
"""

from __future__ import annotations

import json
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from typing import Literal, TextIO

from chatctl.protocol.clean import clean

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
LEVELS: dict[Level, int] = {"debug": DEBUG, "info": INFO, "warning": WARNING, "error": ERROR}
MAX_QUEUED_RECORDS = 4096  # some seconds of a busy server, a few MiB at most
MAX_BATCH_RECORDS = 128  # in one write: few system calls in a burst, and a line is never late for long
OWN_FIELDS = ("time", "level", "event")

Record = tuple[float, Level, str, dict[str, object]]


class LogWriter:
    """A log on a text stream. Calls may come from any thread, before `start` too; after `stop` they do nothing.

    `stream` is None where Python found no stderr to open; nothing is written then. `now` gives seconds since the epoch.
    """

    def __init__(
        self,
        stream: TextIO | None,
        *,
        level: Level = "info",
        format: Format = "text",
        capacity: int = MAX_QUEUED_RECORDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._write = _writer(stream)
        self._threshold = LEVELS[level]
        self._line = _json_line if format == "json" else _text_line
        self._capacity = capacity
        self._now = now
        # A SimpleQueue never blocks a put and may be used from a signal handler; the bound is enforced here. Two
        # threads that check its size at the same instant may exceed it by one, which is harmless.
        self._queue: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._dropped = 0
        self._counting = threading.RLock()  # re-entrant, for the same signal handler
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._stopped = False
        self._given_up = False

    def start(self) -> None:
        """Begin to write. Once."""
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> bool:
        """Write queued records and end, within `timeout` seconds; return whether all were written. Idempotent."""
        if not self._stopped:
            self._stopped = True
            self._queue.put(None)
        if self._thread.ident is None:  # never started
            return self._queue.qsize() <= 1
        self._thread.join(timeout)
        return not self._thread.is_alive() and not self._given_up

    def debug(self, event: str, **fields: object) -> None:
        if self._threshold <= DEBUG:
            self._put("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        if self._threshold <= INFO:
            self._put("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        if self._threshold <= WARNING:
            self._put("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._put("error", event, fields)

    def _put(self, level: Level, event: str, fields: dict[str, object]) -> None:
        if self._stopped:
            return
        if self._queue.qsize() >= self._capacity:
            with self._counting:
                self._dropped += 1
            return
        for name, value in fields.items():
            if not isinstance(value, str | int | float | None):
                fields[name] = str(value)
        self._queue.put((self._now(), level, event, fields))

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            lines = [self._line(*record) for record in batch if record is not None]
            if dropped := self._take_dropped():
                lines.append(self._line(self._now(), "warning", "log records dropped", {"count": dropped}))
            if lines and not self._write("".join(lines)):
                self._given_up = self._stopped = True
                return
            if batch[-1] is None:
                return

    def _next_batch(self) -> list[Record | None]:
        """Wait for a record, and take what else is there; None is the end."""
        batch = [self._queue.get()]
        while batch[-1] is not None and len(batch) < MAX_BATCH_RECORDS:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _take_dropped(self) -> int:
        with self._counting:
            dropped, self._dropped = self._dropped, 0
            return dropped


def _text_line(when: float, level: Level, event: str, fields: dict[str, object]) -> str:
    """`2026-11-22 15:41:13 info    listening  address=127.0.0.1:5106`, in local time."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
    head = f"{stamp} {level:7} {clean(event)}"
    said = " ".join(f"{name}={_text_value(value)}" for name, value in fields.items())
    return f"{head}  {said}\n" if said else f"{head}\n"


def _text_value(value: object) -> str:
    """Return a value unchanged, or in quotes if its end could not be seen."""
    text = clean(value) if isinstance(value, str) else str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(mark in text for mark in ' "=') else text


def _json_line(when: float, level: Level, event: str, fields: dict[str, object]) -> str:
    """Return one object: time (ISO 8601, UTC), level, event, then the fields; a field of one of these names gets a
    `_`."""
    milliseconds = int(when * 1000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    line: dict[str, object] = {"time": f"{stamp}.{milliseconds % 1000:03}Z", "level": level, "event": clean(event)}
    for name, value in fields.items():
        line[f"{name}_" if name in OWN_FIELDS else name] = clean(value) if isinstance(value, str) else value
    return json.dumps(line, ensure_ascii=False) + "\n"


def _writer(stream: TextIO | None) -> Callable[[str], bool]:
    """Return a function that writes text to `stream`, and returns False once the stream is closed."""
    if stream is None:
        return lambda text: False
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # a stream in memory; or one that is closed, which writing will find out
        return lambda text: _write_to_stream(stream, text)
    return lambda text: _write_to_descriptor(descriptor, text)


def _write_to_stream(stream: TextIO, text: str) -> bool:
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        return False
    return True


def _write_to_descriptor(descriptor: int, text: str) -> bool:
    # Python's own text keeps bytes it could not read as lone surrogates, which UTF-8 cannot carry.
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # the parent process shares a non-blocking descriptor
            select.select([], [descriptor], [])
        except OSError:
            return False
    return True
