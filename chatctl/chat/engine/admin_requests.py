"""Requests of the operator of the machine through the control socket: proposals like any other, of NO_SESSION.

A request is answered when its effect is durable or refused.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable

from chatctl.chat.engine.commit_gate import CommitGate
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.ports import Order

Answered = Callable[[bool, str], None]
"""Receives whether it was done, and a sentence for the operator."""


class AdminRequests:
    """Pending requests of the operator. `released` returns the last seq whose output was released."""

    def __init__(self, order: Order, commit_gate: CommitGate, released: Callable[[], int]) -> None:
        self._order = order
        self._commit_gate = commit_gate
        self._released = released
        self._numbers = itertools.count()
        self._asked: dict[str, Answered] = {}
        self._parked: deque[tuple[int, str, tuple[bool, str]]] = deque()

    def ask(self, proposal: p.Proposal, answered: Answered) -> None:
        """Submit a proposal; `answered` is called at once or later."""
        reason = self._commit_gate.refusal_reason(proposal)
        if reason:
            answered(False, f"This cannot be kept: {reason}")
            return
        proposal.label = f"admin {next(self._numbers)}"
        self._asked[proposal.label] = answered
        self._order.propose(proposal)

    def ordered(self, entry: p.Entry, outcome: Outcome) -> None:
        """Note that an entry was applied, if it was requested here."""
        label = entry.proposal.label
        if label not in self._asked:
            return
        if outcome.records or outcome.facts:
            self._parked.append((entry.seq, label, outcome.verdict))
        else:
            self._asked.pop(label)(*outcome.verdict)

    def refused(self, label: str, reason: str) -> bool:
        """Refuse a request that could not be stored; return False if the proposal did not come from here."""
        answered = self._asked.pop(label, None)
        if answered is None:
            return False
        answered(False, f"This cannot be kept: {reason}")
        return True

    def release(self) -> None:
        """Answer the requests whose effects are durable."""
        parked, upto = self._parked, self._released()
        while parked and parked[0][0] <= upto:
            _, label, verdict = parked.popleft()
            answered = self._asked.pop(label, None)
            if answered is not None:
                answered(*verdict)
