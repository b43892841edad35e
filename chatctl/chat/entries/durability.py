"""What a kind of proposal leaves in the journal, and what happens if the commit fails.

Invariants:

- [durability-declared] Every kind of proposal is Passing, Refusable or Retried; there is no other kind
  (tests/chat/engine/test_durability.py compares the declaration with what :mod:`chatctl.chat.apply` does).
- [shown-when-stored] What is Refusable is not shown before it is stored, and is undone if the commit fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Proposal:
    """Something session `session` wants. `label` is the client's label for the command, or ``""``.

    Where several sessions are one user, `session` is that user's id when the entry is applied, and `origin` the session
    that asked.
    """

    session: int
    label: str
    origin: int = field(default=0, kw_only=True)

    @property
    def lines(self) -> int:
        """How many lines of the session it is: so many refusals it reads."""
        return 1

    @property
    def subject(self) -> str:
        """The room or user that a refusal names (a context parameter of FAIL); ``""`` if it names none."""
        return ""


# What a kind of proposal leaves in the journal, and what happens if the commit fails. Every kind is one of these three
# (tests/chat/engine/test_durability.py).


class Passing(Proposal):
    """A proposal that leaves neither facts nor records: nothing shows after a restart that it happened."""

    __slots__ = ()


class Refusable(Proposal):
    """A proposal that leaves facts or records. It is not shown before they are stored. If the commit fails it is taken
    back, and the session that proposed it is told so (NOT_STORED)."""

    __slots__ = ()


class Retried(Proposal):
    """A proposal about something that cannot be undone, such as the end of a connection. It is shown in any case. If
    the commit fails it is done again (chat/apply/redo.py), and submitted again until it is stored."""

    __slots__ = ()
