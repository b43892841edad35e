"""The durability of each kind of proposal: what it leaves in the journal, and what happens if the commit fails.

Invariants:

- [durability-declared] Every kind of proposal is Unstored, Refusable or Retried; there is no other kind
  (tests/chat/engine/test_durability.py compares the declaration with what :mod:`chatctl.chat.apply` does).
- [shown-when-stored] Output of a Refusable proposal is not shown before it is stored, and is undone if the commit
  fails.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatctl.chat.model.ids import SessionId


@dataclass(slots=True)
class Proposal:
    """A change that a session asks for (NO_SESSION: the server or its operator). `label` is the client's label for the
    command, or ``""``. The user of the session is looked up when the entry is applied."""

    session: SessionId
    label: str

    @property
    def lines(self) -> int:
        """The number of lines of the command, each of which can be refused."""
        return 1

    @property
    def subject(self) -> str:
        """The room or user that a refusal names (a context parameter of FAIL); ``""`` if it names none."""
        return ""


# Every kind of proposal is one of these three (tests/chat/engine/test_durability.py).


class Unstored(Proposal):
    """A proposal that leaves neither facts nor records, and so has no effect after a restart."""

    __slots__ = ()


class Refusable(Proposal):
    """A proposal that leaves facts or records. It is not shown before they are stored. If the commit fails it is
    undone, and the session that proposed it is sent FAIL NOT_STORED."""

    __slots__ = ()


class Retried(Proposal):
    """A proposal about something that cannot be undone, such as the end of a connection. It is shown in any case. If
    the commit fails it is done again (chat/apply/redo.py), and submitted again until it is stored."""

    __slots__ = ()
