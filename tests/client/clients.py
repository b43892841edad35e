"""Common parts of the tests of the client library."""

from __future__ import annotations

from chatctl.client import Client, Timing
from chatctl.client import events as e
from tests.wire import DEADLINE

QUICK = Timing(enter=DEADLINE, first_pause=0.01, longest_pause=0.02, own_name=0.0)


def client(port: int, name: str = "ann", **options: object) -> Client:
    options = {"secret": "test", "timing": QUICK, **options}
    return Client("127.0.0.1", port, name=name, **options)  # type: ignore[arg-type]  # whatever the test wants


def heard(client: Client, kind: type[e.Event], count: int = 1) -> list[e.Event]:
    """The next `count` events of a kind."""
    found: list[e.Event] = []
    for event in client.events(DEADLINE):
        if isinstance(event, kind):
            found.append(event)
            if len(found) == count:
                return found
    raise AssertionError(f"only {found} of {kind.__name__}")
