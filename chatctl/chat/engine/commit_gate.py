"""The gate between the rules and the journal: submits commits, releases or undoes what depends on them.

Invariants:

- [commit-gate] The facts of a tick go to the journal in one commit, with the settings of the rooms that changed. Output
  that shows them is parked until they are durable (:mod:`chatctl.chat.delivery.fanout`).
- [undo-or-retry] If a commit fails, no Refusable proposal in it is shown: its sender reads the reason, and members,
  names, rooms, accounts and bans are restored. A Retried proposal cannot be undone. It is done again on the restored
  state and shown; its facts and records are submitted once a second, before those of any later entry.
- [refuse-while-failing] While the journal fails, Refusable proposals are refused with the reason, except that one
  attempt per second is let through as a probe. While commits are slow or much output is parked, only the proposals in
  _PRESENCE are accepted.
- [batching] If several users send many messages, facts are batched: while a commit is under way, and until its output
  is written, the facts of later ticks wait for the next commit. This halves commits and writes. Otherwise, and if there
  is enough for a commit, facts are submitted at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from chatctl.chat.apply.undo import records_to_restore, rooms_to_restore
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.engine.retries import Restarted, Retries, departed, redone
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import Delivery
from chatctl.chat.entries.facts import AnyFact
from chatctl.chat.entries.outcome import Outcome, Undo
from chatctl.chat.history.recent_messages import RecentMessages
from chatctl.chat.model.accounts import NONE, Changes, Record, RecordKey, record_key
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
_TRY_MS = 1000
MAX_RETRIED_FACTS = 10_000
"""Facts that wait to be submitted again ([undo-or-retry]). More are dropped and counted."""

_LIGHT_PROPOSALS = frozenset((p.Join, p.Part, p.Kick, p.Rename, p.MarkRead, p.SetMetadata, p.AddBan, p.RemoveBan))
"""Proposals that are accepted while commits are slow or much output is parked, because they add little to it."""


def _of_several(facts: Sequence[AnyFact]) -> bool:
    """Whether not all of them are of one speaker."""
    first = facts[0].source
    return any(item.source != first for item in facts)


class _Submitted(msgspec.Struct):
    """An entry whose facts are with the journal."""

    seq: int
    time: int
    proposal: p.Proposal
    command: str
    refusable: bool
    lines: int
    """How many lines it was that were not refused yet."""
    facts: int
    undo: Sequence[Undo]
    then: Sequence[p.Proposal]
    notes: Sequence[tuple[str, dict[str, object]]]


class CommitGate:
    """Hands facts to the journal, and hears what became of them. `refuse` tells a session why a command of its failed
    (session id, command, reason, label); `deliver` gets the deliveries of an undo."""

    def __init__(
        self,
        state: State,
        fanout: Fanout,
        tails: RecentMessages,
        journal: Journal,
        clock: Callable[[], int],
        log: LogPort,
        refuse: Callable[[SessionId, str, str, str, str], None],
        deliver: Callable[[Sequence[Delivery]], None],
    ) -> None:
        self.trouble = ""
        """Why nothing can be kept at the moment; ``""`` while it can."""
        self.fatal_reason = ""
        """Why the server must stop at once; ``""`` while it need not."""
        self.lost = 0
        """Facts that were shown and then dropped ([undo-or-retry])."""
        self.messages = 0
        """Messages, topics and modes that were accepted since the start."""
        self.unsubmitted: list[AnyFact] = []
        """Facts that have not been submitted."""
        self._unsubmitted_facts = 0  # the number of facts in it
        self._state = state
        self._fanout = fanout
        self._recent = tails
        self._journal = journal
        self._clock = clock
        self._log = log
        self._refuse = refuse
        self._deliver = deliver
        self.due: list[p.Proposal] = []
        """Proposals that follow from stored entries. The hub takes them."""
        self._retries = Retries()
        self._submitted: deque[_Submitted] = deque()
        self._is_batching = False  # whether [batching] applies, decided by the last submission
        self._changed: dict[str, None] = {}
        self._records: deque[tuple[int, dict[str, RoomRecord | None]]] = deque()
        self._stored_rooms: dict[str, RoomRecord] = {}
        self._tried = self._failed_at = 0
        self._minute: deque[tuple[int, int]] = deque()
        self._changed_records: dict[RecordKey, int] = {}
        self._record_changes: deque[Changes] = deque()
        self._stored_records: dict[RecordKey, Record | None] = {}
        journal.attach(self)
        self._restarted = Restarted(self._bring_back(journal))

    def _bring_back(self, journal: Journal) -> list[RecordKey]:
        """Restore the stored state, which counts as released; return the records that the restart changed."""
        state = self._state
        self._fanout.released_seq = journal.last_seq()
        state.last_time = journal.last_time()
        for kept in journal.records():
            self._stored_records[record_key(kept)] = kept
            state.accounts.restore(kept)
        for record in journal.rooms():
            self._stored_rooms[record.key] = record
            state.restore(record)
            # Accounts may have been removed while no server ran.
            if state.forget_removed(record.key) | state.disown(record.key):
                self._changed[record.key] = None
            room = state.rooms.get(record.key)
            if room is not None and room.locked:  # members who could return are not known
                state.drop_if_unused(room)
        restarted = state.restart_visits()
        self._stored_records.update((key, state.accounts.get(key)) for key in restarted)
        return restarted

    # From the rules.

    def entry(self, outcome: Outcome, *, again: bool = False) -> None:
        """Take what an entry gave; `again`: it was done again after a failed commit."""
        for key in outcome.changed:
            self._changed[key] = None
        entry = outcome.entry
        proposal = entry.proposal
        refusable = not again and isinstance(proposal, p.Refusable)
        is_stored = bool(outcome.facts or outcome.records)
        if outcome.redo and (self._submitted if not is_stored else not refusable):
            self._retries.add(outcome)
        if not is_stored:
            return
        command = outcome.command or (outcome.facts[0].kind if outcome.facts else "")
        count = outcome.count
        self.unsubmitted += outcome.facts
        self._unsubmitted_facts += count
        lines = min(proposal.lines, max(1, count))
        if refusable and type(proposal) not in _LIGHT_PROPOSALS:
            self.messages += lines
        notes = outcome.notes if refusable else ()
        undo, then = outcome.undo, outcome.then
        self._submitted.append(
            _Submitted(entry.seq, entry.time, proposal, command, refusable, lines, count, undo, then, notes)
        )
        for name in outcome.records:
            self._changed_records[name] = entry.seq
        if self._restarted:
            # Before anything is said that the accounts did not hear: else a second crash would count it as heard.
            self._changed_records.update(dict.fromkeys(self._restarted.hand_over(entry.seq), entry.seq))

    def end_tick(self, *, shown: bool) -> None:
        """Submit the gathered facts and park the output that shows them ([commit-gate]), unless they wait ([batching]).
        `shown`: this tick released stored output."""
        if self._is_batching and (shown or self._fanout.parked) and self._unsubmitted_facts < MAX_BATCHED_FACTS:
            return
        if self._waits_to_retry():
            self._fanout.end_tick(0)
            return
        count = self._unsubmitted_facts
        seq, facts, records, changes = self._take()
        if not seq:
            return
        self._is_batching = count >= MIN_BATCHED_FACTS and _of_several(facts)
        if facts:
            self._count(facts[-1].time)
        kept = [record for record in records.values() if record is not None]
        gone = [key for key, record in records.items() if record is None]
        self._journal.append(facts, kept, gone, changes)

    def _take(self) -> tuple[int, list[AnyFact], dict[str, RoomRecord | None], Changes]:
        """Park the output and return what is submitted: the last entry (0 if nothing), facts, room settings and
        records."""
        facts, self.unsubmitted, self._unsubmitted_facts = self.unsubmitted, [], 0
        self._retries.handed_over()
        changes = self._take_records()
        seq = max(facts[-1].seq if facts else 0, changes.last)
        self._fanout.end_tick(seq)
        records: dict[str, RoomRecord | None] = {}
        if seq and self._changed:
            records = {key: self._state.record(key) for key in self._changed}
            self._changed.clear()
            self._records.append((seq, records))
        return seq, facts, records, changes

    @property
    def gathering(self) -> bool:
        """Whether there is something to keep that has not been handed over."""
        return bool(self.unsubmitted or self._changed_records) and not self._waits_to_retry()

    def retry_at(self) -> int | None:
        """Return when facts are submitted again (ms since 1970 UTC), if any wait for that."""
        return self._failed_at + _TRY_MS if self._waits_to_retry() else None

    def _waits_to_retry(self) -> bool:
        """Return whether there are only facts to submit again, and it is too early for that."""
        if not self._retries.is_waiting or self._clock() - self._failed_at >= _TRY_MS:
            return False
        return not any(item.refusable for item in self._submitted)

    def _take_records(self) -> Changes:
        """The accounts and invitations that changed in this tick, as they are now."""
        changed, self._changed_records = self._changed_records, {}
        if not changed:
            return NONE
        get = self._state.accounts.get
        changes = Changes(min(changed.values()), max(changed.values()), {name: get(name) for name in changed})
        self._record_changes.append(changes)
        return changes

    def refusing(self, proposal: p.Proposal) -> str:
        """Return why `proposal` cannot be accepted now ([refuse-while-failing]); ``""`` if it can."""
        slow = bool(self._submitted) and self._clock() - self._submitted[0].time > SLOW_COMMIT_MS
        crowded = self._fanout.parked_bytes > MAX_PARKED_BYTES
        if not (slow or crowded or self.trouble):
            return ""
        if not isinstance(proposal, p.Refusable) or (isinstance(proposal, p.SendMessage) and proposal.passing):
            return ""
        if self.trouble:
            if self._clock() - self._tried < _TRY_MS:
                return self.trouble
            self._tried = self._clock()
            return ""
        if type(proposal) in _LIGHT_PROPOSALS:
            return ""
        if slow:
            return "storing messages takes too long at the moment"
        return "too many messages wait to be stored"

    def _count(self, now: int) -> None:
        """Remember how many messages there were, once a second, for a minute."""
        if not self._minute or now - self._minute[-1][0] >= 1000:
            self._minute.append((now, self.messages))
            if len(self._minute) > 60:
                self._minute.popleft()

    def rate(self, now: int) -> float:
        """Messages a second, over the last minute."""
        past = [(time, count) for time, count in self._minute if now - time <= 60_000]
        if not past:
            return 0.0
        time, count = past[0]
        return round((self.messages - count) / max(1.0, (now - time) / 1000), 2)

    @property
    def lag_ms(self) -> int:
        """For how long the oldest fact on its way has been waiting."""
        return max(0, self._clock() - self._submitted[0].time) if self._submitted else 0

    # From the journal.

    def durable(self, seq: int) -> None:
        """Everything up to `seq` is kept."""
        if self.trouble:
            self._log.info("messages can be stored again")
            self.trouble = ""
        way = self._submitted
        while way and way[0].seq <= seq:
            item = way.popleft()
            if item.notes:
                for event, fields in item.notes:
                    self._log.info(event, **fields)
            if item.then:
                self.due += item.then
        self._retries.drop(seq, all_stored=not way)
        self._restarted.stored(seq)
        self._release_names(seq)
        while self._records and self._records[0][0] <= seq:
            for key, record in self._records.popleft()[1].items():
                if record is None:
                    self._stored_rooms.pop(key, None)
                else:
                    self._stored_rooms[key] = record
        while self._record_changes and self._record_changes[0].last <= seq:
            self._stored_records.update(self._record_changes.popleft().records)
        self._fanout.durable(seq)

    def failed(self, first: int, last: int, reason: str) -> None:
        """Undo the facts from `first` to `last`, which are not stored ([undo-or-retry])."""
        try:
            self._take_back(first, last, reason)
        except Exception:
            # Output released from here on might show facts that are not stored.
            self.fatal("what could not be stored could not be taken back")
            raise

    def _take_back(self, first: int, last: int, reason: str) -> None:
        if not self.trouble:
            self._log.error("messages cannot be stored", reason=reason)
        self.trouble = reason
        self._tried = self._failed_at = self._clock()
        # The gathered facts were decided on the assumption that this commit succeeds, so they fail with it. So do all
        # that were submitted meanwhile.
        last = max(last, self._take()[0])
        hit = self._arrived(last)
        refused = {item.seq for item in hit if item.refusable}
        again = self._retries.take()
        self._fanout.refuse(refused.union(outcome.entry.seq for outcome in again))
        self._recent.refuse(refused)
        if any(isinstance(item.proposal, p.Redact | p.RenameRoom) for item in hit):
            self._recent.forget()  # they have been changed already; the journal has what they were
        self._release_names(last)
        self._restarted.failed()
        self._state.departed = departed(again)
        self._undo([item for item in reversed(hit) if item.refusable], last)
        self._fanout.durable(last)
        for item in hit:
            if item.refusable:
                for _ in range(item.lines):
                    proposal = item.proposal
                    self._refuse(proposal.session, item.command, reason, proposal.label, proposal.subject)
        self._retry(again)

    def _undo(self, items: Sequence[_Submitted], last: int) -> None:
        """Undo the entries `items`, the last one first, then settings and records of all up to `last`."""
        state = self._state
        dropped, forgotten = len(state.let_go), len(state.forgotten)
        for item in items:
            for change in reversed(item.undo):
                self._deliver(change.take_back(state))
        while self._records and self._records[0][0] <= last:
            for key in self._records.popleft()[1]:
                self._set_back(key)
        while self._record_changes and self._record_changes[0].last <= last:
            for name in self._record_changes.popleft().records:
                self._set_record_back(name)
        for key in rooms_to_restore(state, dropped):
            self._set_back(key)
        for record in records_to_restore(state, forgotten):
            self._set_record_back(record)

    def _retry(self, again: list[Outcome]) -> None:
        """Do again what cannot be refused, and submit it before anything later."""
        for outcome in redone(again, self._state):
            self._deliver(outcome.deliveries)
            if self._retries.facts + outcome.count > MAX_RETRIED_FACTS:
                self.lost += outcome.count
                outcome.facts.clear()
            self._retries.facts += outcome.count
            self.entry(outcome, again=True)
        self._retries.is_waiting = bool(self.unsubmitted or self._changed_records)
        self._state.departed = {}
        self._state.stale_prefixes = {}

    def _release_names(self, seq: int) -> None:
        """Names that were given up by entries up to `seq` are free, or their owners' again."""
        held = self._state.held_names
        for name in [name for name, (_, given_up) in held.items() if given_up <= seq] if held else ():
            del held[name]

    def fatal(self, reason: str) -> None:
        """Stop the server, because the outcome of a commit is unknown."""
        self._log.error("the journal failed", reason=reason)
        self.fatal_reason = reason

    def _arrived(self, seq: int) -> list[_Submitted]:
        """Take the entries up to `seq` off the list, and return them."""
        way, arrived = self._submitted, []
        while way and way[0].seq <= seq:
            arrived.append(way.popleft())
        return arrived

    def _set_back(self, key: str) -> None:
        record = self._stored_rooms.get(key)
        self._state.set_back(key, record)
        # A commit on its way may hold the refused settings, so the current ones are submitted after it.
        self._changed[key] = None

    def _set_record_back(self, name: RecordKey) -> None:
        kept = self._stored_records.get(name)
        self._state.accounts.put(name, kept)
        if kept is None and name[0] == "account":
            # Its users logged in before that was known, and are guests again.
            for user in (*self._state.users.values(), *self._state.departed.values()):
                if user.account_id and self._state.accounts.with_id(user.account_id) is None:
                    user.log_in(None)
                    self._state.changed(user)
