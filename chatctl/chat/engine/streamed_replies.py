"""Answers of any length, sent as fast as the client reads them.

Invariants:

- [back-pressure] The next slice is made when the last one was written, so a long answer never fills a send queue, and
  asking for one ends no connection (SAFELIST in ISUPPORT). A client that does not read gets no more.
- [input-order] The next lines of the session wait until the answer is complete.
- [one-batch] With a label the answer is one batch (ircv3.net/specs/extensions/labeled-response).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from chatctl.chat.commands.base import CommandContext, Long, Reply
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.delivery.session import Session
from chatctl.protocol.message import Message


class StreamedReplies:
    """The answers that are being sent, at most one per session. `reply_all` sends a slice to a session."""

    def __init__(
        self, context: CommandContext, fanout: Fanout, reply_all: Callable[[Session, Sequence[Reply]], None]
    ) -> None:
        self.behind: Callable[[Session], bool] = lambda session: False
        """Returns whether a connection has output that is not written yet. Set by the owner of the connections."""
        self._context = context
        self._fanout = fanout
        self._reply_all = reply_all
        self._given: dict[Session, Iterator[Sequence[Reply]]] = {}

    def __bool__(self) -> bool:
        """Return whether a slice can be sent now."""
        return any(map(self._is_next, self._given))

    def add(self, session: Session, answer: Long, label: str) -> None:
        """Send `answer` to `session`, beginning with the next :meth:`go_on`."""
        session.in_flight += 1
        session.messages_only = False
        self._given[session] = self._as_one(answer.slices, label) if label else answer.slices

    def go_on(self, failed: Callable[[Session, Exception], None]) -> list[Session]:
        """Send one slice to each session that is ready; return the sessions whose answer is complete.

        `failed` is called if a slice cannot be made.
        """
        finished = []
        for session in [session for session in self._given if self._is_next(session)]:
            replies: Sequence[Reply] | None = None
            error: Exception | None = None
            if not _is_over(session):
                try:
                    replies = next(self._given[session], None)
                except Exception as raised:  # noqa: BLE001  # as a handler that fails, it ends this session alone
                    error = raised
            if replies is not None:
                self._reply_all(session, replies)
                continue
            del self._given[session]
            session.in_flight -= 1
            if error is not None:
                failed(session, error)
            elif not session.closing:
                finished.append(session)
        return finished

    def _is_next(self, session: Session) -> bool:
        """Return whether the next slice may be made ([back-pressure])."""
        return _is_over(session) or not (session.out or self._fanout.has_parked(session) or self.behind(session))

    def _as_one(self, slices: Iterator[Sequence[Reply]], label: str) -> Iterator[Sequence[Reply]]:
        """Begin the batch of a labelled answer ([one-batch]). An answer that is one batch already (history) is not
        wrapped."""
        first = next(slices)
        opening = first[0]
        if isinstance(opening, Message) and opening.command == "BATCH":
            opening.tags = {**opening.tags, "label": label}
            yield first
            yield from slices
            return
        reference = self._context.reference()
        yield [Message("BATCH", (f"+{reference}", "labeled-response"), tags={"label": label})]
        for replies in itertools.chain((first,), slices):
            for reply in replies:
                reply.tags = {**(reply.tags or {}), "batch": reference}
            yield replies
        yield [Message("BATCH", (f"-{reference}",))]


def _is_over(session: Session) -> bool:
    """Return whether the client does not read its output."""
    return bool(session.closing or session.unreachable)
