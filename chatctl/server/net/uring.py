"""Sends to many sockets in one system call: io_uring(7), Linux 5.7 and later.

A server that writes to a thousand sockets one by one enters the kernel a thousand times. Here the writes are placed in
a queue that is shared with the kernel, and one call does all of them.

Invariants:

- [synchronous] Each write is like send(2) with MSG_DONTWAIT, and done when :meth:`WriteRing.send` returns: nothing is
  left pending, nothing waits for a slow reader.
- [own-memory] Data is copied into the ring's own memory, once per object. So the kernel never reads freed memory.
- [partial] If the kernel takes only a part of the queue, the rest is reported as not sent.
- [single-thread] It is for one thread. The ends of the queues are plain loads and stores, since the kernel reads them
  only within the call (no IORING_SETUP_SQPOLL).

The layouts are those of io_uring_setup(2) and io_uring_enter(2), the same on every machine; so are the call numbers.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import socket
import struct
import sys
import weakref
from array import array
from collections.abc import Sequence

_SETUP, _ENTER = 425, 426  # the system calls
_OFF_RINGS, _OFF_ENTRIES = 0, 0x10000000  # IORING_OFF_SQ_RING, IORING_OFF_SQES
_NEEDED = 1 << 0 | 1 << 5  # IORING_FEAT_SINGLE_MMAP; IORING_FEAT_FAST_POLL, which says that it is 5.7 at least
_GETEVENTS = 1 << 0  # IORING_ENTER_GETEVENTS
_OP_SEND = 26  # IORING_OP_SEND

# struct io_uring_params: seven numbers, then where things are in the submission ring and in the completion ring.
_PARAMS = struct.Struct("=7I12x7I12x7I12x")
# struct io_uring_sqe: opcode, flags, ioprio, fd, off, addr, len, msg_flags, user_data.
_ENTRY = struct.Struct("=BBHiQQIIQ24x")

MAX_SENDS = 2048
"""Sends of one call at the most; a power of two."""
ROOM_BYTES = 1 << 20

_TRANSIENT_ERRORS = frozenset(
    {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ENOMEM}
)  # short of memory or entries for now
_WORD = 0xFFFFFFFF  # the ends of the queues count on beyond their size, as numbers of 32 bits


class WriteRing:
    """A submission queue of sends and their completions. Raises OSError if the system or its policy does not allow
    it."""

    def __init__(self) -> None:
        # Alpha alone has other numbers for the calls.
        if sys.platform != "linux" or platform.machine() == "alpha":
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        self._system = ctypes.CDLL(None, use_errno=True).syscall
        self._system.argtypes = [ctypes.c_long] * 7
        self._system.restype = ctypes.c_long
        params = ctypes.create_string_buffer(_PARAMS.size)
        self._fd = self._call(_SETUP, MAX_SENDS, ctypes.addressof(params))
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self.close = weakref.finalize(self, os.close, self._fd)
        """Give the descriptor back, which is done with the object at the latest; the memory goes with that."""
        self.room = ROOM_BYTES
        """Bytes that the sends of one call have together at the most; what several get counts once."""
        self.refused = False
        """Whether the kernel has said that it takes nothing, for other reasons than being short of something."""
        self._share(_PARAMS.unpack(params.raw))
        self._room = mmap.mmap(-1, ROOM_BYTES)
        self._room_at = ctypes.addressof(ctypes.c_char.from_buffer(self._room))

    def _share(self, params: Sequence[int]) -> None:
        """Map what the kernel shares, and write down all of the entries that is always the same."""
        (entries, results, _, _, _, features, _), sends, done = params[:7], params[7:14], params[14:]
        if features & _NEEDED != _NEEDED or entries != MAX_SENDS:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        self._sends_head, self._sends_tail = sends[0] // 4, sends[1] // 4
        self._done_head, self._done_tail = done[0] // 4, done[1] // 4
        numbers, records = sends[6], done[5]
        rings = self._map(_OFF_RINGS, max(numbers + 4 * entries, records + 16 * results))
        self._words = rings.cast("I")
        self._words[numbers // 4 : numbers // 4 + entries] = array("I", range(entries))
        self._results = rings[records : records + 16 * results].cast("i")[2::4]  # struct io_uring_cqe: res
        self._result_entries = rings[records : records + 16 * results].cast("Q")[::2]  # user_data
        self._result_slots = results
        queue = self._map(_OFF_ENTRIES, _ENTRY.size * entries)
        flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        for at in range(entries):
            _ENTRY.pack_into(queue, _ENTRY.size * at, _OP_SEND, 0, 0, 0, 0, 0, 0, flags, at)
        self._fds = queue.cast("i")[1::16]
        self._addresses = queue.cast("Q")[2::8]
        self._lengths = queue.cast("I")[6::16]
        self._tail = self._words[self._sends_tail]

    def _map(self, offset: int, size: int) -> memoryview:
        size = -(-size // 8) * 8
        return memoryview(mmap.mmap(self._fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=offset))

    def _call(self, number: int, *values: int) -> int:
        """Return the result of the system call; -1 for an error, which ctypes has."""
        return int(self._system(number, *values, *(0,) * (6 - len(values))))

    def send(self, fds: Sequence[int], chunks: Sequence[bytes]) -> list[tuple[int, int]]:
        """Send each of `chunks` (not empty, at most `room` bytes) to the socket at its index in `fds`.

        Returns those that were not sent completely: the index, and the number of bytes taken, or minus the error
        number, EAGAIN if the socket takes none now. Raises OSError if it is unknown what was sent: then this ring must
        not be used again.
        """
        failed: list[tuple[int, int]] = []
        done = 0
        while done < len(fds):
            first = self._tail % MAX_SENDS
            addresses = self._copy(chunks[done : done + MAX_SENDS - first])
            if not addresses:
                raise ValueError(f"{len(chunks[done])} bytes are more than there is room for")
            end = done + len(addresses)
            for at, sent in self._submit(first, fds[done:end], addresses, chunks[done:end]):
                failed.append((done + at, sent))
            done = end
        return failed

    def _copy(self, chunks: Sequence[bytes]) -> array[int]:
        """Copy `chunks` into the ring's memory, as many as fit ([own-memory]); return their places."""
        room, last, used, where = self._room, None, 0, 0
        addresses: list[int] = []
        for chunk in chunks:
            if chunk is not last:
                end = used + len(chunk)
                if end > ROOM_BYTES:
                    break
                room[used:end] = last = chunk
                where, used = self._room_at + used, end
            addresses.append(where)
        return array("Q", addresses)

    def _submit(
        self, first: int, fds: Sequence[int], addresses: array[int], chunks: Sequence[bytes]
    ) -> list[tuple[int, int]]:
        """Send what fills the entries from `first` on; those that were not sent whole, as :meth:`send`."""
        words, count = self._words, len(addresses)
        lengths = array("I", map(len, chunks))
        self._fds[first : first + count] = array("i", fds)
        self._addresses[first : first + count] = addresses
        self._lengths[first : first + count] = lengths
        words[self._sends_tail] = self._tail = (self._tail + count) & _WORD
        if self._call(_ENTER, self._fd, count) < 0:
            self.refused = ctypes.get_errno() not in _TRANSIENT_ERRORS
        left = (self._tail - words[self._sends_head]) & _WORD
        if left:  # [partial]: they are no longer in the queue
            words[self._sends_tail] = self._tail = words[self._sends_head]
        results, entries_done = self._results_of(count - left)
        if sum(results) == sum(lengths):  # since none is more than its length
            return []
        sent = dict(zip(entries_done, results, strict=True))
        found = [sent.get(first + at, -errno.EAGAIN) for at in range(count)]
        return [(at, result) for at, result in enumerate(found) if result != lengths[at]]

    def _results_of(self, count: int) -> tuple[list[int], memoryview]:
        """Return the results of the last `count` sends, and their entries.

        All are there at once, except those that a kernel defers in spite of [synchronous], which are waited for. They
        are contiguous, since they are counted as the sends are.
        """
        words, head = self._words, self._words[self._done_head]
        while (words[self._done_tail] - head) & _WORD < count:
            if self._call(_ENTER, self._fd, 0, count, _GETEVENTS) < 0 and ctypes.get_errno() != errno.EINTR:
                raise OSError(ctypes.get_errno(), "the kernel does not say what it has sent")
        words[self._done_head] = (head + count) & _WORD
        at = head % self._result_slots
        return self._results[at : at + count].tolist(), self._result_entries[at : at + count]
