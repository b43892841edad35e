"""The lists of a room: bans (b), exceptions (e) and invitation exceptions (I), and the meaning of their masks.

Sources: modern.ircdocs.horse, "Ban Channel Mode" to "Invite-Exception Channel Mode"; ircv3 account-extban.

Invariants:

- [mask-form] A mask is ``nick!user@host`` with ``*`` and ``?``. Missing parts are ``*``: ``bob`` is ``bob!*@*``, and
  ``*@host`` is ``*!*@host``.
- [account-mask] ``a:name`` matches users logged in as `name` (also a pattern). Names are given again, so a full name in
  an exception (e, I) matches only an account that was created before the entry was set ([grant-by-id] in accounts.py).
  A pattern with ``*`` or ``?`` matches every account with such a name.
- [mute] ``m:`` before a mask mutes the users it matches, but lets them join. An exception with ``m:`` lifts only the
  silence.
- [same-name] Masks are compared as names are (:func:`chatctl.protocol.names.fold`), in time linear in their length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from chatctl.protocol import masks, names

if TYPE_CHECKING:
    from chatctl.chat.model.ids import UserId

MAX_LIST_ENTRIES = 100
"""Entries of one list (MAXLIST in ISUPPORT)."""

MAX_MASK_BYTES = 200
"""Bytes of one mask: what fits on a line of a list with the longest names around it."""

LETTERS = "beI"
EXTENDED = "am"
"""The letters of extended bans (EXTBAN in ISUPPORT)."""


class ListEntry(NamedTuple):
    """One mask as it is shown, who set it (``nick!user@host``) and when (ms since 1970 UTC)."""

    mask: str
    by: str
    time: int


class Mask(NamedTuple):
    """A parsed mask; `pattern` is folded.

    `until`: the time of creation (ms) up to which accounts are meant; None for any.
    """

    mute: bool
    account: bool
    pattern: str
    until: int | None = None


def canonical(mask: str) -> str:
    """Return `mask` in full ([mask-form]), with its prefix letters."""
    front = ""
    while mask[1:2] == ":" and mask[0] in EXTENDED:
        if mask[0] == "a":
            return f"{front}a:{_few_stars(mask[2:]) or '*'}"
        front = "m:"
        mask = mask[2:]
    nick, bang, rest = mask.partition("!")
    if bang:
        user, _, host = rest.partition("@")
    elif "@" in nick:
        user, _, host = nick.partition("@")
        nick = ""
    else:
        user = host = ""
    return _few_stars(f"{front}{nick or '*'}!{user or '*'}@{host or '*'}")


def _few_stars(mask: str) -> str:
    while "**" in mask:
        mask = mask.replace("**", "*")
    return mask


def parse_mask(mask: str) -> Mask:
    """Parse a canonical mask."""
    mute = mask.startswith("m:")
    rest = mask.removeprefix("m:")
    account = rest.startswith("a:")
    return Mask(mute, account, names.fold(rest.removeprefix("a:")))


def granting(entry: ListEntry) -> Mask:
    """Split the mask of an exception ([account-mask])."""
    mask = parse_mask(entry.mask)
    is_pattern = "*" in mask.pattern or "?" in mask.pattern
    return mask._replace(until=entry.time) if mask.account and not is_pattern else mask


class MaskedUser(Protocol):
    """The attributes of a user that masks are compared with."""

    id: UserId
    key: str
    username: str
    host: str
    account: str
    account_created: int


def matches_user(mask: Mask, user: MaskedUser) -> bool:
    """Return whether `mask` matches `user`."""
    if mask.until is not None and user.account_created > mask.until:
        return False
    if mask.account:
        return bool(user.account) and masks.matches(mask.pattern, names.fold(user.account))
    return masks.matches(mask.pattern, f"{user.key}!{user.username.lower()}@{user.host.lower()}")


_ANYBODY = ("q!~w@eeeeeeeeeeee.user", "\u8c46!~1@222222222222.user")


class Lists:
    """The lists of one room. `entries` are by letter, then by folded mask, in the order in which they were set."""

    __slots__ = ("_masks", "_muted", "entries")

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, ListEntry]] = {letter: {} for letter in LETTERS}
        self._masks: dict[str, list[Mask]] = {letter: [] for letter in LETTERS}
        self._muted: dict[UserId, bool] = {}

    def add(self, letter: str, entry: ListEntry) -> bool:
        """Add an entry to a list; return False if it exists already."""
        key = names.fold(entry.mask)
        if key in self.entries[letter]:
            return False
        self.entries[letter][key] = entry
        self._changed(letter)
        return True

    def remove(self, letter: str, mask: str) -> ListEntry | None:
        """Remove a mask from a list; return its entry, or None if it was not there."""
        entry = self.entries[letter].pop(names.fold(mask), None)
        if entry is not None:
            self._changed(letter)
        return entry

    def full(self, letter: str) -> bool:
        """Return whether a list has MAX_LIST_ENTRIES."""
        return len(self.entries[letter]) >= MAX_LIST_ENTRIES

    def bans(self, user: MaskedUser) -> bool:
        """Return whether `user` is banned from joining."""
        return self._matches_any("b", user, mute=False) and not self._matches_any("e", user, mute=False)

    def bans_all(self) -> bool:
        """Return whether people who have nothing in common but the form of a mask may not join."""
        if self.entries["e"]:
            return False
        return any(
            not mask.mute and not mask.account and all(masks.matches(mask.pattern, prefix) for prefix in _ANYBODY)
            for mask in self._masks["b"]
        )

    def mutes(self, user: MaskedUser) -> bool:
        """Return whether `user` is muted. The result is cached, because it is read for every message."""
        muted = self._muted.get(user.id)
        if muted is None:
            muted = self._matches_any("b", user, mute=True) and not self._matches_any("e", user, mute=True)
            self._muted[user.id] = muted
        return muted

    def invites(self, user: MaskedUser) -> bool:
        """Return whether `user` may join without an invitation."""
        return self._matches_any("I", user, mute=False)

    def forget(self, user_id: UserId) -> None:
        """Drop the cached result for a user who changed or left."""
        self._muted.pop(user_id, None)

    def _matches_any(self, letter: str, user: MaskedUser, *, mute: bool) -> bool:
        return any(matches_user(mask, user) for mask in self._masks[letter] if mute or not mask.mute)

    def _changed(self, letter: str) -> None:
        entries = self.entries[letter].values()
        self._masks[letter] = [parse_mask(each.mask) if letter == "b" else granting(each) for each in entries]
        self._muted.clear()

    def __bool__(self) -> bool:
        return any(self.entries.values())
