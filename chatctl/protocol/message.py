r"""One IRC message: parsing and encoding.

Invariants:

- [format] A line is ``[@tags ][:source ]COMMAND[ params...][ :trailing]`` (modern.ircdocs.horse, "Message Format").
- [lenient] Parsing never fails for a line with a command. Several spaces count as one; the command is upper-cased.
- [tags] Tag values are unescaped when parsed and escaped when encoded (message-tags, "Escaping values"). A missing
  value and an empty one are equal: the empty string. The last of several equal keys counts.
- [no-injection] The only encoder is :func:`encode`. It refuses CR, LF and NUL in any part, so no second line can be
  injected, and a middle parameter that would be parsed differently.
- [length] A message's length is counted without its tags, CR LF included: at most 512 bytes. Tags have their own limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chatctl.errors import ChatctlError

MAX_LINE_BYTES = 512
"""Bytes of a message without its tags, CR LF included (modern.ircdocs.horse, "Message Format")."""

MAX_CLIENT_TAGS_BYTES = 4096
"""Bytes of a client's tag section, with the leading ``@`` and the space after it (message-tags, "Size limit")."""

_UNESCAPED = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPES = str.maketrans({";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n"})

# Numerics and commands whose last parameter is text for people: it always gets its colon, as every server writes it.
_TEXT_LAST = frozenset({"PRIVMSG", "NOTICE", "TOPIC", "PART", "QUIT", "KICK", "ERROR", "FAIL", "WARN", "NOTE", "AWAY"})
_NO_TEXT_NUMERICS = frozenset(
    {"004", "221", "324", "329", "333", "770", "771", "772", "774", "336", "341", "346", "348", "354", "367"}
)


class EncodingError(ChatctlError):
    """A message that cannot be encoded as one line. Never a user's fault, since input is checked before."""


class Message:
    """A parsed or to-be-sent message.

    ``tags`` maps keys to unescaped values (client-only tags keep their ``+``); ``source`` is ``nick!user@host``, a
    server's name, or ``""``; ``params`` holds the trailing parameter as its last item, without the colon.
    """

    __slots__ = ("_line", "command", "params", "source", "tags")

    def __init__(
        self,
        command: str,
        params: Sequence[str] = (),
        source: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.command = command
        self.params = params
        self.source = source
        self.tags: Mapping[str, str] = tags if tags is not None else _NO_TAGS
        self._line: bytes | None = None

    @property
    def line(self) -> bytes:
        """The message as bytes, tags left out, CR LF included. Built once."""
        built = self._line
        if built is None:
            built = self._line = encode(self.command, self.params, self.source)
        return built

    @property
    def nick(self) -> str:
        """The nick in the source; the whole source where it names a server."""
        return nick_of(self.source)

    def param(self, index: int, default: str = "") -> str:
        """Parameter `index`, or `default` where there are fewer."""
        return self.params[index] if index < len(self.params) else default

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return (self.command, tuple(self.params), self.source, dict(self.tags)) == (
            other.command,
            tuple(other.params),
            other.source,
            dict(other.tags),
        )

    __hash__ = None  # type: ignore[assignment]  # holds a list as often as a tuple

    def __repr__(self) -> str:
        return f"Message({self.command!r}, {list(self.params)!r}, source={self.source!r}, tags={dict(self.tags)!r})"


_NO_TAGS: Mapping[str, str] = {}


def middle_parameter(word: str, max_bytes: int = MAX_LINE_BYTES) -> str:
    """Return `word`, or ``*`` if it cannot be a middle parameter or has more than `max_bytes` bytes in UTF-8."""
    if not word or word[0] == ":" or " " in word or len(word.encode()) > max_bytes:
        return "*"
    return word


def nick_of(source: str) -> str:
    """Return the nick in ``nick!user@host``; of a server's name, all of it."""
    return source.partition("!")[0]


def parse(line: str) -> Message | None:
    """Return the message on `line` (without CR LF), or None if the line holds no command."""
    tags: Mapping[str, str] = _NO_TAGS
    source = ""
    if line[:1] == "@":
        section, _, line = line.partition(" ")
        tags = parse_tags(section[1:])
        line = line.lstrip(" ")
    if line[:1] == ":":
        source, _, line = line.partition(" ")
        source = source[1:]
    head, colon, trailing = line.partition(" :")
    words = head.split(" ")
    if "" in words:
        words = [word for word in words if word]
    if not words:
        return None
    command = words[0].upper()
    del words[0]
    if colon:
        words.append(trailing)
    return Message(command, words, source, tags)


def parse_tags(section: str) -> dict[str, str]:
    """``a=1;+b;c=x\\sy`` as ``{"a": "1", "+b": "", "c": "x y"}``; `section` has no ``@`` and no space."""
    tags: dict[str, str] = {}
    for item in section.split(";"):
        key, _, value = item.partition("=")
        if key:
            tags[key] = unescape(value) if "\\" in value else value
    return tags


def unescape(value: str) -> str:
    r"""Return the unescaped tag value: ``\s`` is a space; a backslash at the end, or before any other letter, is
    dropped."""
    parts = value.split("\\")
    result = [parts[0]]
    rest = iter(parts[1:])
    for part in rest:
        if part:
            result.append(_UNESCAPED.get(part[0], part[0]) + part[1:])
        else:
            # Two backslashes stand for one, and the text after them is plain.
            following = next(rest, None)
            if following is not None:
                result.append("\\" + following)
    return "".join(result)


def encode_tags(tags: Mapping[str, str]) -> str:
    """``{"a": "1", "+b": ""}`` as ``a=1;+b``, in the mapping's order, without the ``@``."""
    items = [f"{key}={value.translate(_ESCAPES)}" if value else key for key, value in tags.items()]
    section = ";".join(items)
    if " " in section or "\r" in section or "\n" in section or "\0" in section:
        raise EncodingError(f"a tag key that cannot be sent: {section!r}")
    return section


def encode(command: str, params: Sequence[str], source: str = "", tags: Mapping[str, str] | None = None) -> bytes:
    """Return the line for the wire, with CR LF. Raises :class:`EncodingError` if the parts do not make one line."""
    parts = [f"@{encode_tags(tags)}"] if tags else []
    if source:
        parts.append(f":{source}")
    parts.append(command)
    if params:
        for middle in params[:-1]:
            if not middle or middle[0] == ":" or " " in middle:
                raise EncodingError(f"{command}: {middle!r} cannot be a middle parameter")
            parts.append(middle)
        last = params[-1]
        # Some clients read the list of a server's CAP only as a trailing parameter (irc3 hangs otherwise).
        if _needs_colon(command, last) or (command == "CAP" and source):
            parts.append(f":{last}")
        else:
            parts.append(last)
    text = " ".join(parts)
    if "\r" in text or "\n" in text or "\0" in text:
        raise EncodingError(f"{command}: a line break or NUL inside a message")
    return f"{text}\r\n".encode()


def _needs_colon(command: str, last: str) -> bool:
    if not last or last[0] == ":" or " " in last or command in _TEXT_LAST:
        return True
    return command.isdigit() and command not in _NO_TEXT_NUMERICS
