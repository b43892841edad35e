"""The server's 005 tokens (modern.ircdocs.horse, "RPL_ISUPPORT Parameters"), with the defaults of that document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_RFC1459 = str.maketrans("[]\\^", "{}|~")
_STRICT = str.maketrans("[]\\", "{}|")
_UPPER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_HISTORY_LIMIT = 50
_MAX_HISTORY = 500
_PREFIX = re.compile(r"\(([^()]*)\)(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\x([0-9A-Fa-f]{2})")


def _fold_ascii(text: str) -> str:
    return text.translate(_UPPER)


def _fold_rfc1459(text: str) -> str:
    return text.translate(_UPPER).translate(_RFC1459)


def _fold_strict(text: str) -> str:
    return text.translate(_UPPER).translate(_STRICT)


_MAPPINGS: dict[str, Callable[[str], str]] = {
    "ascii": _fold_ascii,
    "rfc1459": _fold_rfc1459,
    "rfc1459-strict": _fold_strict,
    "strict-rfc1459": _fold_strict,
}


_SET_BY = {
    "CASEMAPPING": ("fold",),
    "CHANTYPES": ("chantypes",),
    "NETWORK": ("network",),
    "STATUSMSG": ("statusmsg",),
    "PREFIX": ("prefixes",),
    "CHATHISTORY": ("history_limit",),
    "MSGREFTYPES": ("references",),
    "CHANMODES": ("always", "setting", "never"),
}
"""Which attributes of :class:`Isupport` a token sets."""


class Isupport:
    """The parsed tokens of 005. `fold` makes two spellings of one name or room equal."""

    __slots__ = (
        "_folds_always",
        "always",
        "chantypes",
        "fold",
        "history_limit",
        "network",
        "never",
        "prefixes",
        "references",
        "setting",
        "statusmsg",
        "tokens",
    )

    def __init__(self) -> None:
        self.fold: Callable[[str], str] = _fold_rfc1459
        self._folds_always = False
        self.chantypes = "#&"
        self.network = ""
        self.statusmsg = ""
        self.prefixes: dict[str, str] = {"o": "@", "v": "+"}
        """Mode letter -> symbol, highest standing first."""
        self.history_limit = _HISTORY_LIMIT
        """Messages to ask for at once (chathistory)."""
        self.references = frozenset({"msgid", "timestamp"})
        """By what history may be asked for."""
        self.tokens: set[str] = set()
        """The names of all tokens."""
        self.always = "beIk"
        self.setting = "l"
        self.never = "imnpst"

    def always_fold(self, fold: Callable[[str], str]) -> None:
        """This is a server whose rule we know better than CASEMAPPING can say it."""
        self.fold = fold
        self._folds_always = True

    def read(self, tokens: Iterable[str]) -> None:
        """Read the tokens of a 005 line; ``-TOKEN`` removes an earlier one. Malformed tokens are ignored."""
        for token in tokens:
            key, _, raw = token.partition("=")
            if key[:1] == "-":
                self._take_back(key[1:])
            else:
                self.tokens.add(key)
                self._read_token(key, _ESCAPE.sub(lambda found: chr(int(found[1], 16)), raw))

    def _read_token(self, key: str, value: str) -> None:
        if key == "CASEMAPPING" and not self._folds_always:
            self.fold = _MAPPINGS.get(value.lower(), _fold_ascii)
        elif key == "CHANTYPES":
            self.chantypes = value
        elif key == "NETWORK":
            self.network = value
        elif key == "STATUSMSG":
            self.statusmsg = value
        elif key == "PREFIX":
            self._read_prefix(value)
        elif key == "CHATHISTORY":
            self._read_history_limit(value)
        elif key == "MSGREFTYPES":
            self.references = frozenset(value.lower().split(","))
        elif key == "CHANMODES":
            self._read_modes(value)

    def _take_back(self, key: str) -> None:
        """Return to the default of a token that the server negated."""
        self.tokens.discard(key)
        defaults = Isupport()
        for name in _SET_BY.get(key, ()):
            if name != "fold" or not self._folds_always:
                setattr(self, name, getattr(defaults, name))

    @property
    def monitors(self) -> bool:
        """Whether the server tells who comes and goes (MONITOR)."""
        return "MONITOR" in self.tokens

    def _read_history_limit(self, value: str) -> None:
        number = int(value) if value.isascii() and value.isdigit() and len(value) < len("1000000") else 0
        self.history_limit = min(number, _MAX_HISTORY) if number else _MAX_HISTORY  # 0 says: no limit

    def _read_prefix(self, value: str) -> None:
        found = _PREFIX.fullmatch(value)
        if found is not None and len(found[1]) == len(found[2]):
            self.prefixes = dict(zip(found[1], found[2], strict=True))
        elif not value:
            self.prefixes = {}

    def _read_modes(self, value: str) -> None:
        lists, always, setting, never, *_ = [*value.split(","), "", "", "", ""]
        self.always, self.setting, self.never = lists + always, setting, never

    def is_room(self, target: str) -> bool:
        """Return whether `target` names a room; a message to a part of it (``@#room``) counts."""
        return bool(target) and self.plain(target)[:1] in tuple(self.chantypes)

    def plain(self, target: str) -> str:
        """``@#room`` as ``#room`` (STATUSMSG); anything else as it is."""
        bare = target.lstrip(self.statusmsg) if self.statusmsg else target
        return bare if bare[:1] in tuple(self.chantypes) else target

    def split_member(self, item: str) -> tuple[str, str]:
        """Return an item of 353 as its symbols and its nick (multi-prefix: several symbols; userhost-in-names: no
        more)."""
        symbols = "".join(self.prefixes.values())
        nick = item.lstrip(symbols) if symbols else item
        return item[: len(item) - len(nick)], nick.partition("!")[0]

    def changes(self, params: list[str]) -> list[tuple[bool, str, str]]:
        """``["+ov-m", "bob", "eve"]`` as ``[(True, "o", "bob"), (True, "v", "eve"), (False, "m", "")]``."""
        found: list[tuple[bool, str, str]] = []
        rest = iter(params[1:])
        add = True
        for letter in params[0] if params else "":
            if letter in "+-":
                add = letter == "+"
                continue
            takes = letter in self.prefixes or letter in self.always or (add and letter in self.setting)
            found.append((add, letter, next(rest, "") if takes else ""))
        return found
