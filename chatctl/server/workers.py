"""Worker threads for slow computations: deriving keys from passwords.

Invariants:

- [fair] Addresses take turns: a thousand attempts from one address delay no other.
- [latest-first] Of one address the latest attempt is done first, and at most MAX_QUEUED_TASKS wait: past that the
  oldest is dropped, and its caller gets None. Guessers try again and again; a user who knows the password tries once,
  and does not queue behind them.
- [owner-thread] Results arrive through `call_soon`, on the thread that owns the chat state.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from chatctl.chat.entries.tasks import Done, ReadSettings, Task, perform

DEFAULT_THREADS = 2
MAX_QUEUED_TASKS = 16

_QueuedTask = tuple[Task, Callable[[Done], None]]


class WorkerThreads:
    """The workers' port, on `threads` threads that are started when there is something to do. `reread` reads the
    settings again."""

    def __init__(self, threads: int = DEFAULT_THREADS, reread: Callable[[], ReadSettings] | None = None) -> None:
        self._count = threads
        self._reread = reread or _nothing_to_read
        self._threads: list[threading.Thread] = []
        self._waiting: dict[str, deque[_QueuedTask]] = {}
        self._idle = 0
        self._change = threading.Condition()
        self._stopped = False
        self._call_soon: Callable[[Callable[[], None]], None] = _not_started

    def start(self, call_soon: Callable[[Callable[[], None]], None]) -> None:
        """Say how results come back."""
        self._call_soon = call_soon

    def ask(self, who: str, task: Task, done: Callable[[Done], None]) -> None:
        """Run `task` for the address `who`; `done` gets its result."""
        dropped: _QueuedTask | None = None
        with self._change:
            waiting = self._waiting.setdefault(who, deque())
            waiting.append((task, done))
            if len(waiting) > MAX_QUEUED_TASKS:
                dropped = waiting.popleft()
            if not self._idle and len(self._threads) < self._count:
                thread = threading.Thread(target=self._run, name=f"worker-{len(self._threads) + 1}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._change.notify()
        if dropped is not None:
            self._call_soon(partial(dropped[1], None))

    def stop(self, timeout: float) -> None:
        """Drop waiting tasks. Running ones end by themselves, and their results are discarded."""
        with self._change:
            self._stopped = True
            self._waiting.clear()
            self._change.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def _run(self) -> None:
        while (queued := self._next()) is not None:
            task, done = queued
            try:
                result: Done = self._reread() if isinstance(task, ReadSettings) else perform(task, secrets.token_bytes)
            except ValueError:  # an invalid verifier: no password matches it
                result = None
            self._call_soon(partial(done, result))

    def _next(self) -> _QueuedTask | None:
        with self._change:
            while not self._waiting:
                if self._stopped:
                    return None
                self._idle += 1
                self._change.wait()
                self._idle -= 1
            if self._stopped:
                return None
            who = next(iter(self._waiting))
            waiting = self._waiting.pop(who)
            queued = waiting.pop()
            if waiting:
                self._waiting[who] = waiting  # at the end: the next address has its turn
            return queued


def _nothing_to_read() -> ReadSettings:
    return ReadSettings(report=("This server was started without settings that could be read again.",))


def _not_started(call: Callable[[], None]) -> None:
    raise AssertionError("workers were used before they were started")
