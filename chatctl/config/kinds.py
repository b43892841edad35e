"""The kinds of value a setting can have: the check, and the words for it.

Each kind is a type with its limits, and `AllowedClause`: how the second half of a complaint reads ("CHATCTL_PORT is
"abc", but a port is a whole number from 0 to 65535"). A check that knows better raises ValueError with words of its
own.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, SecretStr

from chatctl.protocol import scram

# "<prefix> PASS :<password>" has to fit a line of 512 bytes with room to spare.
PASSWORD_BYTES = 400
# RPL_MOTD carries the server's name (63), the reader's name (32 characters, up to 128 bytes) and the line, in 512
# bytes.
MOTD_LINE_BYTES = 300
MAX_HOST_CHARACTERS = 253  # RFC 1035, section 2.3.4, without the length bytes
# Letters of any script, since names may be international; underscores occur in local networks.
_LABEL = re.compile(r"\w([\w-]{0,61}\w)?")


@dataclass(frozen=True, slots=True)
class AllowedClause:
    """States what is allowed, as a clause after "but"; `unset` is the word for "not set", if there is one."""

    clause: str
    unset: str = ""


# Checks, run before or after pydantic's own. A ValueError without a text leaves the words to the kind's clause.


def _no_truth(value: object) -> object:
    """Refuse true and false where a number belongs; Python, and so pydantic, would take them for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError
    return value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _auto_is_none(value: object) -> object:
    return None if value in ("", "auto") else value


def _irc_or_no_scheme(value: str) -> str:
    scheme, colon, _ = value.partition("://")
    if colon and scheme.lower() not in ("irc", "ircs"):
        raise ValueError
    return value


def _without_brackets(value: str) -> str:
    """Return an IPv6 address without the brackets of URLs, where the zone's sign is escaped (RFC 6874)."""
    inside = value[1:-1].replace("%25", "%")
    return inside if value[:1] == "[" and value[-1:] == "]" and _ip_address(inside) is not None else value


def _ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_reachable_host(value: str | None) -> str | None:
    """Refuse all but an IP address of one computer and a host name; no port, no scheme."""
    if value is None:
        return None
    address = _ip_address(value)
    if address is not None:
        if address.is_unspecified or address.is_multicast:
            raise ValueError("it is not the address of a computer; give one that clients can connect to")
        return value
    if "://" in value or re.fullmatch(r"(\[.*\]|[^:]*):\d+", value):
        raise ValueError("this is a host alone, without a scheme or a port")
    labels = value.removesuffix(".").split(".")
    if len(value) > MAX_HOST_CHARACTERS or labels[-1].isdigit() or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _is_text(value: str | None) -> str | None:
    """Check lines of text: no control character but the ends of lines, and every line fits a message to a client."""
    if value is None:
        return None
    lines = value.replace("\r\n", "\n").rstrip("\n").split("\n")
    if any(has_controls(line) or len(line.encode()) > MOTD_LINE_BYTES for line in lines):
        raise ValueError
    return "\n".join(lines)


def _is_contact(value: str | None) -> str | None:
    if value is not None and "\n" in value:
        raise ValueError
    return _is_text(value)


def _is_one_line(value: str | None) -> str | None:
    if value is not None and has_controls(value):
        raise ValueError
    return value


def _is_password(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        check_password(value.get_secret_value())
    return value


def _size_and_no_more(value: object) -> object:
    """pydantic reads the size at the start of a text and ignores the rest; `12,000` would be 12 bytes."""
    if isinstance(value, bool) or (
        isinstance(value, str) and not re.fullmatch(r"\s*\d+(\.\d+)?\s*[A-Za-z]*\s*", value)
    ):
        raise ValueError
    return value


def _are_operators(value: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, verifier in value.items():
        if not re.fullmatch(r"[^\s:\x00-\x1f\x7f][^\s\x00-\x1f\x7f]{0,63}", name):
            raise ValueError("an operator's name is 1 to 64 characters, without spaces")
        try:
            scram.parse(verifier.get_secret_value())
        except ValueError as error:
            raise ValueError(f"that of {name} is not a valid verifier: {error}") from None
    return value


def has_controls(text: str) -> bool:
    """Return whether `text` holds a control character (C0, DEL, C1), or a surrogate: what Python makes of bytes that
    are not UTF-8 in a variable. Neither may go on the wire."""
    return any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


PASSWORD_CLAUSE = f"a password is one line of at most {PASSWORD_BYTES} bytes, without control characters"


def check_password(password: str) -> None:
    """Raise ValueError unless `password` can be sent in one IRC line."""
    if has_controls(password) or len(password.encode()) > PASSWORD_BYTES:
        raise ValueError(PASSWORD_CLAUSE)


# Kinds.

Address = Annotated[
    str,
    Field(pattern=r"^[^\s\x00-\x1f\x7f]+$"),
    AfterValidator(_irc_or_no_scheme),
    AfterValidator(_without_brackets),
    AllowedClause("an address is an IP address or a computer's name, without spaces, or ircs:// (irc://) and a name"),
]
ReachableHost = Annotated[
    Annotated[str, AfterValidator(_without_brackets), AfterValidator(_is_reachable_host)] | None,
    BeforeValidator(_empty_is_none),
    AllowedClause("this is an IP address or a computer's name, such as chat.example.org"),
]
Port = Annotated[
    int, Field(ge=0, le=65535), BeforeValidator(_no_truth), AllowedClause("a port is a whole number from 0 to 65535")
]
Count = Annotated[int, Field(ge=1), BeforeValidator(_no_truth), AllowedClause("this is a whole number, 1 or more")]
# A day is longer than any useful timeout, and short enough for every clock and every poll().
Seconds = Annotated[
    int,
    Field(ge=1, le=86400),
    BeforeValidator(_no_truth),
    AllowedClause("this is a whole number of seconds from 1 to 86400 (a day)"),
]
# Below 64 KiB a reader who is not slow at all would be cut off by the first long list of names.
Size = Annotated[
    ByteSize,
    Field(ge=64 * 1024),
    BeforeValidator(_size_and_no_more),
    AfterValidator(int),  # ByteSize is how it is read; a plain number is what it is from here on
    AllowedClause('this is a number of bytes, 65536 or more, or a size such as "512 KiB" or "4 MiB"'),
]
ServerName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$", max_length=63
    ),
    AllowedClause(
        "a server's name is letters, digits and '-', with a dot between its parts, at most 63 in all (chat.example.org)"
    ),
]
Network = Annotated[
    str,
    # Announced as NETWORK=<name> in numeric 005, where a space ends the token and a backslash begins an escape.
    Field(pattern=r"^[^\s\\=\x00-\x1f\x7f-\x9f]+$", max_length=30),
    AllowedClause("a network's name has no spaces, '=' or backslash and is 1 to 30 characters long"),
]
Motd = Annotated[
    str | None,
    BeforeValidator(_empty_is_none),
    AfterValidator(_is_text),
    AllowedClause(
        f"the message of the day is lines of text, each at most {MOTD_LINE_BYTES} bytes, without control characters"
    ),
]
Contact = Annotated[
    str | None,
    BeforeValidator(_empty_is_none),
    AfterValidator(_is_contact),
    AllowedClause(f"this is one line of text, at most {MOTD_LINE_BYTES} bytes, without control characters"),
]
Password = Annotated[
    SecretStr | None, BeforeValidator(_empty_is_none), AfterValidator(_is_password), AllowedClause(PASSWORD_CLAUSE)
]
OptionalFile = Annotated[Path | None, BeforeValidator(_empty_is_none), AllowedClause("this is the path of a file")]
Whole = Annotated[int, Field(ge=0), BeforeValidator(_no_truth), AllowedClause("this is a whole number, 0 or more")]
Replay = Annotated[
    int, Field(ge=0, le=1000), BeforeValidator(_no_truth), AllowedClause("this is a whole number from 0 to 1000")
]
Operators = Annotated[
    dict[str, SecretStr],
    AfterValidator(_are_operators),
    AllowedClause("this is a table of names with a verifier each, such as chatctl hash-password prints"),
]
WhoRegisters = Annotated[
    Literal["open", "invite", "closed"], BeforeValidator(_lower), AllowedClause('this is "open", "invite" or "closed"')
]
AlwaysOn = Annotated[
    Literal["opt-out", "opt-in", "off"],
    BeforeValidator(_lower),
    AllowedClause('this is "opt-out", "opt-in" or "off"'),
]
Iterations = Annotated[
    int,
    Field(ge=scram.MIN_ITERATIONS, le=scram.MAX_ITERATIONS),
    BeforeValidator(_no_truth),
    AllowedClause(f"this is a whole number from {scram.MIN_ITERATIONS} to {scram.MAX_ITERATIONS}"),
]
YesNo = Annotated[bool, AllowedClause("this is true or false")]
OptionalText = Annotated[
    str | None,
    BeforeValidator(_empty_is_none),
    AfterValidator(_is_one_line),
    AllowedClause("this is one line of text, without control characters"),
]
Room = Annotated[
    str,
    Field(pattern=r"^[^\s,\x00-\x1f\x7f]+$"),
    AllowedClause("a room's name has no spaces or commas, such as #lobby"),
]
TlsMode = Annotated[
    Literal["auto", "required", "optional", "off"],
    BeforeValidator(_lower),
    AllowedClause("the mode is auto, required, optional or off"),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    BeforeValidator(_lower),
    AllowedClause("the level is debug, info, warning or error"),
]
LogFormat = Annotated[
    Literal["text", "json"] | None,
    BeforeValidator(_auto_is_none),
    BeforeValidator(_lower),
    AllowedClause("the format is text, json or auto", unset="auto"),
]
