"""The gate between the rules and the journal: submits commits, releases or undoes what depends on them.

Invariants:

- [commit-gate] The facts of a tick go to the journal in one commit, with the settings of the rooms that changed. Output
  that shows them is parked until they are durable (:mod:`chatctl.chat.delivery.fanout`).
- [undo-or-retry] If a commit fails, no Refusable proposal in it is shown: its sender reads the reason, and members,
  names, rooms, accounts and bans are restored. A Retried proposal cannot be undone. It is done again on the restored
  state and shown; its facts and records are submitted once a second, before those of any later entry.
- [refuse-while-failing] While the journal fails, Refusable proposals are refused with the reason, except that one
  attempt per second is let through as a probe. While commits are slow or much output is parked, Refusable proposals
  other than _LIGHT_PROPOSALS are refused. Retried and Unstored ones and typing are always accepted.
- [stored-answers] `unstored_change` is the last entry that changed more than messages and is not decided. An answer
  about the state that is made meanwhile depends on it (:mod:`chatctl.chat.engine.dispatcher`).
- [batching] If several users send many messages, facts are batched: while a commit is under way, and until its output
  is written, the facts of later ticks wait for the next commit. This halves commits and writes. Otherwise, and if there
  is enough for a commit, facts are submitted at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.engine.message_rate import MessageRate
from chatctl.chat.engine.retries import Restarted, Retries, departed, redone
from chatctl.chat.engine.stored_settings import StoredSettings
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import Delivery
from chatctl.chat.entries.facts import AnyFact
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.history.recent_messages import RecentMessages
from chatctl.chat.model.accounts import NONE, Changes, RecordKey
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.records import RoomRecord
from chatctl.chat.model.state import State
from chatctl.chat.ports import Journal, LogPort

SLOW_COMMIT_MS = 5000
MAX_PARKED_BYTES = 64 * 1024 * 1024
MIN_BATCHED_FACTS = 8
"""Facts per tick from which [batching] pays off. They must be of several senders: one alone would wait in vain."""
MAX_BATCHED_FACTS = 256
"""Facts that wait for a batch ([batching]). A larger commit is hardly cheaper per fact, and delays all of them."""
_RETRY_INTERVAL_MS = 1000
MAX_RETRIED_FACTS = 10_000
"""Facts that wait to be submitted again ([undo-or-retry]). More are dropped and counted."""

_MESSAGES = frozenset((p.SendMessage, p.SendMessageRun))
_LIGHT_PROPOSALS = frozenset((p.Join, p.Part, p.Kick, p.Rename, p.MarkRead, p.SetMetadata, p.AddBan, p.RemoveBan))
"""Proposals that are accepted while commits are slow or much output is parked, because they add little to it."""


def _of_several(facts: Sequence[AnyFact]) -> bool:
    """Return whether the facts have several senders."""
    first = facts[0].source
    return any(item.source != first for item in facts)


class Commit(NamedTuple):
    """One commit of the journal: everything that the entries of a tick, or of several, must store."""

    seq: int
    """The last entry in it; 0 if there is nothing to store."""
    facts: list[AnyFact]
    rooms: Mapping[str, RoomRecord | None]
    """Changed settings by room key; None for a room that has none any more."""
    records: Changes


_NO_ROOMS: Mapping[str, RoomRecord | None] = {}
_EMPTY_COMMIT = Commit(0, [], _NO_ROOMS, NONE)


class _Submitted(msgspec.Struct):
    """An entry whose facts are with the journal."""

    seq: int
    outcome: Outcome
    refusable: bool
    lines: int
    """The lines of the command that have not been refused."""

    @property
    def command(self) -> str:
        """The command that a refusal names."""
        return self.outcome.command or (self.outcome.facts[0].kind if self.outcome.facts else "")


class CommitGate:
    """Submits facts to the journal and receives the outcome.

    `refuse` reports a failed command to its session (session id, command, reason, label, subject). `deliver` receives
    the deliveries of an undo.
    """

    def __init__(
        self,
        state: State,
        fanout: Fanout,
        recent: RecentMessages,
        journal: Journal,
        clock: Callable[[], int],
        log: LogPort,
        refuse: Callable[[SessionId, str, str, str, str], None],
        deliver: Callable[[Sequence[Delivery]], None],
    ) -> None:
        self.failure_reason = ""
        """Why nothing can be stored at the moment; ``""`` if commits succeed."""
        self.fatal_reason = ""
        """Why the server must stop at once; ``""`` while it need not."""
        self.dropped_facts = 0
        """Facts that were shown and then dropped ([undo-or-retry])."""
        self.messages = 0
        """Messages, topics and modes that were accepted since the start."""
        self.unsubmitted: list[AnyFact] = []
        """Facts that have not been submitted."""
        self._unsubmitted_facts = 0  # the number of facts in it
        self._state = state
        self._fanout = fanout
        self._recent = recent
        self._journal = journal
        self._clock = clock
        self._log = log
        self._refuse = refuse
        self._deliver = deliver
        self.follow_ups: list[p.Proposal] = []
        """Proposals that follow from stored entries. The hub takes them."""
        self._retries = Retries()
        self.unstored_change = 0
        """The last entry of [stored-answers], or 0."""
        self._waiting_for_decision: list[tuple[int, Callable[[bool], None]]] = []
        self._submitted: deque[_Submitted] = deque()
        self._is_batching = False  # whether [batching] applies, decided by the last submission
        self._settings = StoredSettings(state)
        self._last_probe_at = self._failed_at = 0
        self._rate = MessageRate()
        journal.attach(self)
        self._restarted = Restarted(self._load(journal))

    def _load(self, journal: Journal) -> list[RecordKey]:
        """Restore the stored state, which counts as released; return the records that the restart changed."""
        self._fanout.released_seq = journal.last_seq()
        self._state.last_time = journal.last_time()
        return self._settings.load(journal.rooms(), journal.records())

    # From the rules.

    def add_outcome(self, outcome: Outcome, *, again: bool = False) -> None:
        """Gather the outcome of an entry; `again`: it was done again after a failed commit."""
        for key in outcome.changed:
            self._settings.changed_rooms[key] = None
        entry = outcome.entry
        proposal = entry.proposal
        refusable = not again and isinstance(proposal, p.Refusable)
        is_stored = bool(outcome.facts or outcome.records)
        if outcome.redo and (self._submitted if not is_stored else not refusable):
            self._retries.add(outcome)
        if not is_stored:
            return
        count = outcome.count
        self.unsubmitted += outcome.facts
        self._unsubmitted_facts += count
        lines = min(proposal.lines, max(1, count))
        if refusable:
            if type(proposal) not in _MESSAGES:
                self.unstored_change = entry.seq
            if type(proposal) not in _LIGHT_PROPOSALS:
                self.messages += lines
        self._submitted.append(_Submitted(entry.seq, outcome, refusable, lines))
        for name in outcome.records:
            self._settings.changed_records[name] = entry.seq
        if self._restarted:
            # Before any message that these accounts missed: otherwise a second crash would count it as received.
            restarted = self._restarted.take_for(entry.seq)
            self._settings.changed_records.update(dict.fromkeys(restarted, entry.seq))

    def take_commit(self, *, output_was_released: bool) -> Commit | None:
        """Return the commit of this tick; None if the gathered facts and their output wait ([batching]).

        The caller parks the output of the tick under the commit's seq, and then submits the commit ([commit-gate]).
        """
        is_busy = output_was_released or self._fanout.parked
        if self._is_batching and is_busy and self._unsubmitted_facts < MAX_BATCHED_FACTS:
            return None
        if self._waits_to_retry():
            return _EMPTY_COMMIT
        count = self._unsubmitted_facts
        commit = self._take_unsubmitted()
        if commit.seq:
            self._is_batching = count >= MIN_BATCHED_FACTS and _of_several(commit.facts)
        return commit

    def submit(self, commit: Commit) -> None:
        """Hand a commit to the journal. An empty one needs no answer and is not handed over."""
        if not commit.seq:
            return
        if commit.facts:
            self._rate.add_sample(commit.facts[-1].time, self.messages)
        if not commit.rooms:  # a commit of messages only
            self._journal.append(commit.facts, (), (), commit.records)
            return
        rooms = [record for record in commit.rooms.values() if record is not None]
        dropped_rooms = [key for key, record in commit.rooms.items() if record is None]
        self._journal.append(commit.facts, rooms, dropped_rooms, commit.records)

    def _take_unsubmitted(self) -> Commit:
        """Return everything that was gathered as a commit."""
        facts, self.unsubmitted, self._unsubmitted_facts = self.unsubmitted, [], 0
        self._retries.mark_submitted()
        settings = self._settings
        records = settings.take_records() if settings.changed_records else NONE
        seq = max(facts[-1].seq if facts else 0, records.last)
        rooms = settings.take_rooms(seq) if seq and settings.changed_rooms else _NO_ROOMS
        return Commit(seq, facts, rooms, records)

    @property
    def has_unsubmitted(self) -> bool:
        """Whether there are facts or records to submit."""
        return bool(self.unsubmitted or self._settings.changed_records) and not self._waits_to_retry()

    def retry_at(self) -> int | None:
        """Return when facts are submitted again (ms since 1970 UTC), if any wait for that."""
        return self._failed_at + _RETRY_INTERVAL_MS if self._waits_to_retry() else None

    def _waits_to_retry(self) -> bool:
        """Return whether there are only facts to submit again, and it is too early for that."""
        if not self._retries.is_waiting or self._clock() - self._failed_at >= _RETRY_INTERVAL_MS:
            return False
        return not any(item.refusable for item in self._submitted)

    def refusal_reason(self, proposal: p.Proposal) -> str:
        """Return why `proposal` cannot be accepted now ([refuse-while-failing]); ``""`` if it can."""
        slow = bool(self._submitted) and self._clock() - self._submitted[0].outcome.entry.time > SLOW_COMMIT_MS
        crowded = self._fanout.parked_bytes > MAX_PARKED_BYTES
        if not (slow or crowded or self.failure_reason):
            return ""
        if not isinstance(proposal, p.Refusable) or (isinstance(proposal, p.SendMessage) and proposal.ephemeral):
            return ""
        if self.failure_reason:
            if self._clock() - self._last_probe_at < _RETRY_INTERVAL_MS:
                return self.failure_reason
            self._last_probe_at = self._clock()
            return ""
        if type(proposal) in _LIGHT_PROPOSALS:
            return ""
        if slow:
            return "storing messages takes too long at the moment"
        return "too many messages wait to be stored"

    def messages_per_second(self, now: int) -> float:
        """Return the rate of messages over the last minute."""
        return self._rate.per_second(now, self.messages)

    @property
    def lag_ms(self) -> int:
        """The age of the oldest fact that was submitted and is not durable."""
        return max(0, self._clock() - self._submitted[0].outcome.entry.time) if self._submitted else 0

    # From the journal.

    def durable(self, seq: int) -> None:
        """Release what depends on entries up to `seq`, which are stored."""
        if self.failure_reason:
            self._log.info("messages can be stored again")
            self.failure_reason = ""
        submitted = self._submitted
        while submitted and submitted[0].seq <= seq:
            item = submitted.popleft()
            outcome = item.outcome
            if outcome.notes and item.refusable:
                for event, fields in outcome.notes:
                    self._log.info(event, **fields)
            if outcome.follow_ups:
                self.follow_ups += outcome.follow_ups
        self._retries.drop(seq, all_stored=not submitted)
        self._restarted.stored(seq)
        self._release_names(seq)
        self._settings.mark_durable(seq)
        self._fanout.durable(seq)
        if seq >= self.unstored_change:
            self.unstored_change = 0
        if self._waiting_for_decision:
            self._decide(seq, stored=True)

    def call_when_decided(self, callback: Callable[[bool], None]) -> None:
        """Call back when the `unstored_change` is stored (True) or refused (False)."""
        self._waiting_for_decision.append((self.unstored_change, callback))

    def _decide(self, seq: int, *, stored: bool) -> None:
        waiting = self._waiting_for_decision
        self._waiting_for_decision = [(change, callback) for change, callback in waiting if change > seq]
        for change, callback in waiting:
            if change <= seq:
                callback(stored)

    def failed(self, first: int, last: int, reason: str) -> None:
        """Undo the facts from `first` to `last`, which are not stored ([undo-or-retry])."""
        try:
            self._roll_back(first, last, reason)
        except Exception:
            # Output released from here on might show facts that are not stored.
            self.fatal("what could not be stored could not be taken back")
            raise

    def _roll_back(self, first: int, last: int, reason: str) -> None:
        if not self.failure_reason:
            self._log.error("messages cannot be stored", reason=reason)
        self.failure_reason = reason
        self._last_probe_at = self._failed_at = self._clock()
        # The gathered facts were decided on the assumption that this commit succeeds, so they fail with it. So do all
        # that were submitted meanwhile.
        gathered = self._take_unsubmitted()
        self._fanout.end_tick(gathered.seq)
        last = max(last, gathered.seq)
        failed = self._take_submitted(last)
        refused = {item.seq for item in failed if item.refusable}
        again = self._retries.take()
        self._fanout.refuse(refused.union(outcome.entry.seq for outcome in again))
        self._recent.refuse(refused)
        if any(isinstance(item.outcome.entry.proposal, p.Redact | p.RenameRoom) for item in failed):
            self._recent.forget()  # they have been changed already; the journal has what they were
        self._release_names(last)
        self._restarted.failed()
        self._state.departed = departed(again)
        self._undo([item for item in reversed(failed) if item.refusable], last)
        self._fanout.durable(last)
        for item in failed:
            if item.refusable:
                for _ in range(item.lines):
                    proposal = item.outcome.entry.proposal
                    self._refuse(proposal.session, item.command, reason, proposal.label, proposal.subject)
        self._retry(again)
        self.unstored_change = 0
        self._decide(last, stored=False)

    def _undo(self, items: Sequence[_Submitted], last: int) -> None:
        """Undo the entries `items`, the last one first, then settings and records of all up to `last`."""
        state = self._state
        dropped, forgotten = len(state.dropped_rooms), len(state.forgotten)
        for item in items:
            for change in reversed(item.outcome.undo):
                self._deliver(change.take_back(state))
        self._settings.roll_back(last, dropped, forgotten)

    def _retry(self, again: list[Outcome]) -> None:
        """Do again what cannot be refused, and submit it before anything later."""
        for outcome in redone(again, self._state):
            self._deliver(outcome.deliveries)
            if self._retries.facts + outcome.count > MAX_RETRIED_FACTS:
                self.dropped_facts += outcome.count
                outcome.facts.clear()
            self._retries.facts += outcome.count
            self.add_outcome(outcome, again=True)
        self._retries.is_waiting = bool(self.unsubmitted or self._settings.changed_records)
        self._state.departed = {}
        self._state.stale_prefixes = {}

    def _release_names(self, seq: int) -> None:
        """Release the names that were given up by entries up to `seq`: they are free, or their owners' again."""
        held = self._state.held_names
        for name in [name for name, (_, given_up) in held.items() if given_up <= seq] if held else ():
            del held[name]

    def fatal(self, reason: str) -> None:
        """Stop the server, because the outcome of a commit is unknown."""
        self._log.error("the journal failed", reason=reason)
        self.fatal_reason = reason

    def _take_submitted(self, seq: int) -> list[_Submitted]:
        """Remove and return the submitted entries up to `seq`."""
        submitted, arrived = self._submitted, []
        while submitted and submitted[0].seq <= seq:
            arrived.append(submitted.popleft())
        return arrived
