"""The threaded client core. ``from chatctl.client import Client`` is all that a program needs: see :mod:`.client`.

Layers: `transport` reads and writes bytes; `connection` is the thread that keeps a connection alive; `engine` (pure)
turns lines into events, with one module per topic in `login`, `session` and `history`; `client` is the public class;
`slash` is the table of typed commands; `name_check` asks about names without registering.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatctl.client.client import Client as Client
    from chatctl.client.timing import Timing as Timing

__all__ = ["Client", "Timing"]


def __getattr__(name: str) -> object:
    # Late, so that `chatctl check-name`, which needs name_check alone, loads no thread and no socket loop.
    if name == "Client":
        from chatctl.client.client import Client

        return Client
    if name == "Timing":
        from chatctl.client.timing import Timing

        return Timing
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
