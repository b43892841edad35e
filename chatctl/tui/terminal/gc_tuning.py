"""Python's own pauses, where nobody notices them.

The rules of this file:

1. A thread that wants the interpreter waits SWITCH seconds for it, not Python's five milliseconds: a key goes through
   three threads (the terminal's, the screen's, the writer's) while messages keep a fourth busy.
2. Looking through everything for rubbish takes some 80 ms with what is loaded. So only what is young is looked through
   by itself; all of it when nobody has touched a key for QUIET seconds, or when a great deal has gathered.
3. What is there when the first quiet moment comes is the program itself: it stays, and is not looked at again.
4. This is the program's, not a widget's: who runs the screen in a process of their own begins it.
"""

from __future__ import annotations

import gc
import sys
from time import monotonic

SWITCH = 0.0005
QUIET = 2.0
_YOUNG = (2000, 10)
_NEVER = 1_000_000
_WORTH = 20
"""Collections of the young (of 20,000 objects that stayed) that are worth looking through all."""
_TOO_MANY = 1000


class Tidy:
    """Holds the collector back from now on."""

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH)
        gc.set_threshold(*_YOUNG, _NEVER)
        self._touched = monotonic()
        self._settled = False

    def touched(self) -> None:
        """A key was pressed."""
        self._touched = monotonic()

    def tick(self) -> None:
        """Called now and then, when nothing is being done: collect where it is the time (rule 2)."""
        gathered = gc.get_count()[2]
        quiet = monotonic() - self._touched >= QUIET
        if not (quiet and (not self._settled or gathered >= _WORTH)) and gathered < _TOO_MANY:
            return
        gc.collect()
        if not self._settled:
            gc.freeze()
            self._settled = True
