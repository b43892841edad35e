"""Room settings and records as the journal has them, so that a failed commit can be rolled back.

Facts are history and only added. Settings of rooms and records (accounts, invitations, bans) are replaced by each
commit, so their last durable versions are remembered here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from chatctl.chat.apply import members, replay_positions
from chatctl.chat.apply.removed_accounts import clear_missing_founder, forget_removed
from chatctl.chat.apply.undo import records_to_restore, rooms_to_restore
from chatctl.chat.model.accounts import Changes, Record, RecordKey, record_key
from chatctl.chat.model.records import RoomRecord
from chatctl.chat.model.state import State


class StoredSettings:
    """The durable versions, the submitted ones, and the names of those that changed since."""

    def __init__(self, state: State) -> None:
        self.changed_rooms: dict[str, None] = {}
        """Keys of rooms whose settings changed and have not been submitted."""
        self.changed_records: dict[RecordKey, int] = {}
        """Records that changed and have not been submitted, with the last entry that changed each."""
        self._state = state
        self._durable_rooms: dict[str, RoomRecord] = {}
        self._durable_records: dict[RecordKey, Record | None] = {}
        self._submitted_rooms: deque[tuple[int, dict[str, RoomRecord | None]]] = deque()
        """The settings in each commit under way, with its last entry."""
        self._submitted_records: deque[Changes] = deque()

    def load(self, rooms: Sequence[RoomRecord], records: Sequence[Record]) -> list[RecordKey]:
        """Restore the stored state at the start; return the records that the restart itself changed."""
        state = self._state
        for record in records:
            self._durable_records[record_key(record)] = record
            state.accounts.restore(record)
        restarted = [*replay_positions.restart(state), *members.restore(state)]
        for settings in rooms:
            self._durable_rooms[settings.key] = settings
            state.restore(settings)
            # Accounts may have been removed while no server ran.
            if forget_removed(state, settings.key) | clear_missing_founder(state, settings.key):
                self.changed_rooms[settings.key] = None
            room = state.rooms.get(settings.key)
            if room is not None and room.locked:  # users who could return are not known
                state.drop_if_unused(room)
        self._durable_records.update((key, state.accounts.get(key)) for key in restarted)
        return restarted

    def take_records(self) -> Changes:
        """Return the changed records as they are now, for a commit. There must be some."""
        changed, self.changed_records = self.changed_records, {}
        get = self._state.accounts.get
        changes = Changes(min(changed.values()), max(changed.values()), {name: get(name) for name in changed})
        self._submitted_records.append(changes)
        return changes

    def take_rooms(self, seq: int) -> dict[str, RoomRecord | None]:
        """Return the changed settings as they are now, for the commit whose last entry is `seq`."""
        rooms = {key: self._state.record(key) for key in self.changed_rooms}
        self.changed_rooms.clear()
        self._submitted_rooms.append((seq, rooms))
        return rooms

    def mark_durable(self, seq: int) -> None:
        """Note that all commits up to `seq` are stored."""
        while self._submitted_rooms and self._submitted_rooms[0][0] <= seq:
            for key, settings in self._submitted_rooms.popleft()[1].items():
                if settings is None:
                    self._durable_rooms.pop(key, None)
                else:
                    self._durable_rooms[key] = settings
        while self._submitted_records and self._submitted_records[0].last <= seq:
            self._durable_records.update(self._submitted_records.popleft().records)

    def roll_back(self, last: int, dropped_before: int, forgotten_before: int) -> None:
        """Restore the durable versions of all settings and records in the commits up to `last`.

        Args:
            last: The last entry that could not be stored.
            dropped_before: The length of `State.dropped_rooms` before the entries were undone.
            forgotten_before: The same of `State.forgotten`.
        """
        while self._submitted_rooms and self._submitted_rooms[0][0] <= last:
            for key in self._submitted_rooms.popleft()[1]:
                self._restore_room(key)
        while self._submitted_records and self._submitted_records[0].last <= last:
            for name in self._submitted_records.popleft().records:
                self._restore_record(name)
        for key in rooms_to_restore(self._state, dropped_before):
            self._restore_room(key)
        for name in records_to_restore(self._state, forgotten_before):
            self._restore_record(name)

    def _restore_room(self, key: str) -> None:
        self._state.restore_or_reset(key, self._durable_rooms.get(key))
        # A commit under way may hold the refused settings, so the restored ones are submitted after it.
        self.changed_rooms[key] = None

    def _restore_record(self, name: RecordKey) -> None:
        record = self._durable_records.get(name)
        self._state.accounts.put(name, record)
        if record is None and name[0] == "account":
            # Users who logged in to the account before its commit failed are guests again.
            for user in (*self._state.users.values(), *self._state.departed.values()):
                if user.account_id and self._state.accounts.with_id(user.account_id) is None:
                    user.log_in(None)
                    self._state.changed(user)
