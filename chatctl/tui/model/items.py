"""The items of a buffer: messages and notices.

Invariants:

- [raw-text] Texts and names are as received; rendering cleans them.
- [versions] An item is changed in place, and its `version` increases: that invalidates its rendered rows.
- [one-class] Up to a hundred thousand of these are held, so there is one small class with slots instead of one per
  kind.
"""

from __future__ import annotations

from typing import Literal

from chatctl.client.events.folding import Move

Kind = Literal["said", "action", "notice", "fold", "news", "trouble"]


class Item:
    """An entry of the message list. `time`: seconds since 1970 UTC. `ticket`: number of an own message without an echo
    (else 0). `problem`: why it was not delivered; with `ticket` 0 as well it is not to be waited for any more."""

    __slots__ = (
        "account",
        "audience",
        "deleted",
        "id",
        "kind",
        "mention",
        "moves",
        "name",
        "own",
        "problem",
        "reactions",
        "reply",
        "text",
        "ticket",
        "time",
        "version",
    )

    def __init__(
        self,
        kind: Kind,
        time: float,
        text: str = "",
        name: str = "",
        *,
        id: str | None = None,
        own: bool = False,
        mention: bool = False,
        ticket: int = 0,
        reply: str | None = None,
        account: str | None = None,
        audience: str | None = None,
    ) -> None:
        self.kind = kind
        self.time = time
        self.text = text
        self.name = name
        self.id = id
        self.own = own
        self.mention = mention
        self.ticket = ticket
        self.reply = reply
        self.account = account
        self.audience = audience
        self.problem = ""
        self.deleted = ""
        """The user who deleted it."""
        self.reactions: dict[str, list[str]] | None = None
        """Reaction -> who."""
        self.moves: list[tuple[str, Move, str]] | None = None
        """Of a fold: who came and left, in order, each with a reason."""
        self.version = 0

    def __repr__(self) -> str:
        return f"Item({self.kind}, {self.name!r}, {self.text!r})"

    @property
    def is_message(self) -> bool:
        """Whether it is a message of a user."""
        return self.kind in ("said", "action", "notice")

    def changed(self) -> None:
        """Count a change, so that it is painted again."""
        self.version += 1

    def react(self, name: str, reaction: str, *, removed: bool) -> None:
        """Add a reaction, or remove it."""
        found = self.reactions if self.reactions is not None else {}
        who = found.setdefault(reaction, [])
        if removed and name in who:
            who.remove(name)
        elif not removed and name not in who:
            who.append(name)
        if not who:
            del found[reaction]
        self.reactions = found or None
        self.changed()
