"""Which sockets are ready: epoll on Linux, what the standard library finds elsewhere (kqueue on macOS)."""

from __future__ import annotations

import select
import selectors
from typing import Protocol

READ = 1
WRITE = 4
"""READ and WRITE are epoll's own values (EPOLLIN, EPOLLOUT), so that on Linux nothing is translated."""


class Poller(Protocol):
    """Level-triggered readiness of file descriptors."""

    def add(self, fd: int, events: int) -> None:
        """Watch `fd`."""

    def change(self, fd: int, events: int) -> None:
        """Watch it for something else."""

    def remove(self, fd: int) -> None:
        """Watch it no longer."""

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Pairs of descriptor and events; waits `timeout` seconds at the most, or without end."""

    def close(self) -> None:
        """Give the descriptor back."""


class EpollPoller:
    """epoll(7), level-triggered."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.add = self._epoll.register
        self.change = self._epoll.modify
        self.remove = self._epoll.unregister
        self.close = self._epoll.close

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Errors and hang-ups come as readable: the read then says what happened."""
        return self._epoll.poll(timeout, 4096)


class SelectorsPoller:
    """The same on the `selectors` module."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, fd: int, events: int) -> None:
        """Watch `fd`. With no events at all it is left out until there are some."""
        if events:
            self._selector.register(fd, self._translated(events))

    def change(self, fd: int, events: int) -> None:
        """Watch it for something else."""
        known = fd in self._selector.get_map()
        if events and known:
            self._selector.modify(fd, self._translated(events))
        elif events:
            self._selector.register(fd, self._translated(events))
        elif known:
            self._selector.unregister(fd)

    def remove(self, fd: int) -> None:
        """Watch it no longer."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Pairs of descriptor and events."""
        ready = []
        for key, mask in self._selector.select(timeout):
            events = READ if mask & selectors.EVENT_READ else 0
            ready.append((key.fd, events | WRITE if mask & selectors.EVENT_WRITE else events))
        return ready

    def close(self) -> None:
        """Give the descriptor back."""
        self._selector.close()

    @staticmethod
    def _translated(events: int) -> int:
        mask = selectors.EVENT_READ if events & READ else 0
        return mask | selectors.EVENT_WRITE if events & WRITE else mask


def best_poller() -> Poller:
    """The fastest there is here."""
    return EpollPoller() if hasattr(select, "epoll") else SelectorsPoller()
