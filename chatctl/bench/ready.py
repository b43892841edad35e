"""Which connections are ready: epoll on Linux, what the standard library finds elsewhere."""

from __future__ import annotations

import select
import selectors
import sys
from typing import Protocol

IN, OUT = 1, 4
"""epoll's own values, so that on Linux nothing is translated."""

_SHORT = 0.02
"""Seconds. epoll counts in milliseconds and rounds up; select does not, and a sender must not be late."""


class ReadyPoller(Protocol):
    """Level-triggered."""

    def watch(self, fd: int, events: int) -> None:
        """Watch `fd` for this from now on."""

    def wait(self, timeout: float) -> list[tuple[int, int]]:
        """Descriptors and what they are ready for; errors come as IN."""

    def close(self) -> None:
        """Give it back."""


if sys.platform == "linux":

    class EpollReady:
        """epoll(7)."""

        def __init__(self) -> None:
            self._epoll = select.epoll()
            self._watched: set[int] = set()
            self.close = self._epoll.close

        def watch(self, fd: int, events: int) -> None:
            """Watch `fd` for this from now on."""
            if fd in self._watched:
                self._epoll.modify(fd, events)
            else:
                self._watched.add(fd)
                self._epoll.register(fd, events)

        def wait(self, timeout: float) -> list[tuple[int, int]]:
            """Descriptors and what they are ready for."""
            if 0 < timeout < _SHORT:
                select.select((self._epoll.fileno(),), (), (), timeout)
                timeout = 0
            return self._epoll.poll(timeout, 4096)


class SelectorsReadyPoller:
    """The same on the `selectors` module."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.close = self._selector.close

    def watch(self, fd: int, events: int) -> None:
        """Watch `fd` for this from now on."""
        mask = (selectors.EVENT_READ if events & IN else 0) | (selectors.EVENT_WRITE if events & OUT else 0)
        if fd in self._selector.get_map():
            self._selector.modify(fd, mask)
        else:
            self._selector.register(fd, mask)

    def wait(self, timeout: float) -> list[tuple[int, int]]:
        """Descriptors and what they are ready for."""
        return [
            (key.fd, (IN if mask & selectors.EVENT_READ else 0) | (OUT if mask & selectors.EVENT_WRITE else 0))
            for key, mask in self._selector.select(timeout)
        ]


def best_ready() -> ReadyPoller:
    """The fastest there is here."""
    return EpollReady() if sys.platform == "linux" else SelectorsReadyPoller()
