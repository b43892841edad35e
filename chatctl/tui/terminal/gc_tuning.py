"""Garbage collection at moments when it does not delay the user.

Invariants:

- [switch-interval] A thread that wants the interpreter waits SWITCH_SECONDS for it, not Python's five milliseconds: a
  key passes through three threads (the terminal's, the screen's, the writer's) while messages keep a fourth busy.
- [full-when-idle] A full collection takes some 80 ms with the loaded modules. So only young objects are collected
  automatically; all of them after IDLE_SECONDS without a key, or when many have accumulated.
- [freeze] Objects that exist at the first idle moment are the program itself: they are frozen and not scanned again.
- [process-wide] This tunes the process, so the program that runs the screen enables it, not a widget.
"""

from __future__ import annotations

import gc
import sys
from time import monotonic

SWITCH_SECONDS = 0.0005
IDLE_SECONDS = 2.0
_YOUNG = (2000, 10)
_NEVER = 1_000_000
_WORTH = 20
"""Collections of the young (of 20,000 objects that stayed) that are worth looking through all."""
_TOO_MANY = 1000


class IdleCollector:
    """Defers garbage collection until the screen is idle."""

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.set_threshold(*_YOUNG, _NEVER)
        self._touched = monotonic()
        self._settled = False

    def touched(self) -> None:
        """Note that a key was pressed."""
        self._touched = monotonic()

    def tick(self) -> None:
        """Collect garbage if it is time ([full-when-idle]). Called now and then while idle."""
        gathered = gc.get_count()[2]
        quiet = monotonic() - self._touched >= IDLE_SECONDS
        if not (quiet and (not self._settled or gathered >= _WORTH)) and gathered < _TOO_MANY:
            return
        gc.collect()
        if not self._settled:
            gc.freeze()
            self._settled = True
