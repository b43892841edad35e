"""Ids of users and of sessions: two spaces that have nothing in common.

Invariants:

- [user-ids] A user's id is the message ID of the entry that registered the user. It is never reused, not even after the
  server has been restarted. Membership, standing and settings of a user are found by it.
- [session-ids] A session's id counts the connections since the start of the server. Counting restarts at 1, so a
  session id is never stored, and grants nothing.
- [disjoint-ids] User ids are strings, session ids are integers. If one is used as the other, the type checker reports
  it and a lookup finds nothing.
"""

from __future__ import annotations

from typing import NewType

UserId = NewType("UserId", str)
SessionId = NewType("SessionId", int)

Recipient = UserId | SessionId
"""All sessions of a user, or one session, which may be unregistered."""

NO_USER = UserId("")
NO_SESSION = SessionId(0)
"""The session of proposals that the server or its operator makes."""
