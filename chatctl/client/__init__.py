"""The threaded client core. `from chatctl.client import Client` is all a program needs: see :mod:`.client`.

Who does what here: `wire` reads and writes bytes; `link` is the thread that keeps a connection standing, `timing` says
for how long; `state` (pure) makes events of lines, with `registration`, `heard`, `replies`, `rooms`, `isupport`,
`ledger` and `split` for one theme each; `client` is the face; `slash` is the table of commands people type; `check`
asks about names without entering.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatctl.client.client import Client as Client
    from chatctl.client.transport.timing import Timing as Timing

__all__ = ["Client", "Timing"]


def __getattr__(name: str) -> object:
    # Late, so that `chatctl check-name`, which needs name_check alone, loads no thread and no socket loop.
    if name == "Client":
        from chatctl.client.client import Client

        return Client
    if name == "Timing":
        from chatctl.client.transport.timing import Timing

        return Timing
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
