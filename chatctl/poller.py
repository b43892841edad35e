"""Readiness of file descriptors: epoll on Linux, elsewhere what `selectors` finds (kqueue on macOS)."""

from __future__ import annotations

import select
import selectors
import sys
from typing import Protocol

READ = 1
WRITE = 4
"""The values of EPOLLIN and EPOLLOUT, so that nothing is translated on Linux."""

_MAX_EVENTS = 4096
"""Events returned by one poll; level-triggered, so the others are returned by the next one."""

_SHORT_SECONDS = 0.02
"""Below this a millisecond matters: `epoll_wait` counts in milliseconds and rounds up, `select` does not."""

_MAX_SECONDS = 24 * 3600.0
"""The longest wait. `epoll_wait` fails for more than 24 days; a caller just polls again."""


class Poller(Protocol):
    """Level-triggered readiness of file descriptors."""

    def add(self, fd: int, events: int) -> None:
        """Watch a descriptor that is not watched yet."""

    def change(self, fd: int, events: int) -> None:
        """Replace the events that a descriptor is watched for. With 0, only its errors may be reported."""

    def remove(self, fd: int) -> None:
        """Stop watching a descriptor."""

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait for events.

        Args:
            timeout: Seconds to wait at most; None: without end.

        Returns:
            Pairs of descriptor and events. An error or a hang-up sets a bit that is not WRITE; the read that follows
            reports it.
        """

    def close(self) -> None:
        """Release the poller's own descriptor."""


if sys.platform == "linux":

    class EpollPoller:
        """A poller on epoll(7)."""

        def __init__(self) -> None:
            self._epoll = select.epoll()
            self.add = self._epoll.register
            self.change = self._epoll.modify
            self.remove = self._epoll.unregister
            self.close = self._epoll.close

        def poll(self, timeout: float | None) -> list[tuple[int, int]]:
            """Wait for events."""
            return self._epoll.poll(_bounded(timeout), _MAX_EVENTS)

    class PreciseEpollPoller(EpollPoller):
        """A poller on epoll(7) that does not round short timeouts up to a millisecond, for one more system call."""

        def poll(self, timeout: float | None) -> list[tuple[int, int]]:
            """Wait for events."""
            if timeout is not None and 0 < timeout < _SHORT_SECONDS:
                select.select((self._epoll.fileno(),), (), (), timeout)
                timeout = 0
            return super().poll(timeout)


class SelectorsPoller:
    """A poller on the `selectors` module."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.close = self._selector.close

    def add(self, fd: int, events: int) -> None:
        """Watch a descriptor. The selector does not accept 0 events, so it gets the descriptor when there are some."""
        if events:
            self._selector.register(fd, _selector_mask(events))

    def change(self, fd: int, events: int) -> None:
        """Replace the events that a descriptor is watched for."""
        watched = fd in self._selector.get_map()
        if events and watched:
            self._selector.modify(fd, _selector_mask(events))
        elif events:
            self._selector.register(fd, _selector_mask(events))
        elif watched:
            self._selector.unregister(fd)

    def remove(self, fd: int) -> None:
        """Stop watching a descriptor."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait for events."""
        ready = []
        for key, mask in self._selector.select(_bounded(timeout)):
            events = READ if mask & selectors.EVENT_READ else 0
            ready.append((key.fd, events | WRITE if mask & selectors.EVENT_WRITE else events))
        return ready


def _bounded(timeout: float | None) -> float | None:
    return timeout if timeout is None or timeout < _MAX_SECONDS else _MAX_SECONDS


def _selector_mask(events: int) -> int:
    mask = selectors.EVENT_READ if events & READ else 0
    return mask | selectors.EVENT_WRITE if events & WRITE else mask


def best_poller(*, precise: bool = False) -> Poller:
    """Return the fastest poller of this platform.

    Args:
        precise: Whether timeouts below 20 ms must not be exceeded by up to 1 ms, as a sender's schedule requires.
    """
    if sys.platform == "linux":
        return PreciseEpollPoller() if precise else EpollPoller()
    return SelectorsPoller()
