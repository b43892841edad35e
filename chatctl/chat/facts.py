"""What history keeps of an entry, and of which kinds of entry it keeps anything at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from chatctl.chat import proposals as p
from chatctl.protocol.names import room_fold

DURABLE: dict[type[p.Proposal], bool] = {
    p.Register: False,  # there are no sessions after a restart
    p.Rename: True,
    p.Quit: True,
    p.Say: True,  # but not TAGMSG that stores nothing: typing
    p.SayLines: True,
    p.Join: True,
    p.Part: True,
    p.Invite: False,
    p.SetTopic: True,
    p.Kick: True,
    p.SetRoomModes: True,
    p.SetUserModes: False,
    p.SetAway: False,
    p.Kill: True,
    p.SendAway: True,
    p.AddBan: True,  # of those who go because of it
    p.RemoveBan: False,
    p.Wallops: False,
    p.ChangeRules: False,
    p.BecomeOperator: False,
    p.SetRealname: False,
    p.ChangeHost: False,
    p.Redact: True,
    p.RenameRoom: True,
    # These are kept as records, not as facts.
    p.AddAccount: False,
    p.LogIn: False,
    p.LogOut: False,
    p.ChangeAccount: False,
    p.RemoveAccount: False,
    p.AddInvitation: False,
    p.MarkRead: False,
    p.SetMetadata: False,
}
"""One row a kind of entry: whether it leaves facts. A test holds it to what apply does."""


class Fact(msgspec.Struct, gc=False):
    """One thing that happened, as history tells it.

    `kind` is the IRC command it was shown as; `place` where it belongs (see :mod:`chatctl.chat.history`); `target` the
    room's name or the other user's nick; `source` who did it, as ``nick!user@host``; `text` the message, topic, reason,
    new nick or mode change; of a REDACT the message's id and a reason, of a RENAME the old name, the new one and a
    reason; `tags` the client-only tags. `seq` is the entry's, `part` counts the facts of one entry.
    """

    seq: int
    part: int
    time: int
    message_id: str
    kind: str
    place: str
    target: str
    source: str
    account: str
    text: str
    tags: Mapping[str, str]


def renamed(fact: Fact, facts: Iterable[Fact]) -> list[Fact]:
    """`facts` as they are after `fact`, a RENAME: those of the room are of its new name."""
    name = fact.text.split(" ")[1]
    place = room_fold(name)
    return [replace(each, place=place, target=name) if each.place == fact.place else each for each in facts]
