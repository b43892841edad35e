"""Handlers of numerics: one function each, and the table. Numerics without a row are shown as they are.

Names and codes: modern.ircdocs.horse, "Numerics".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chatctl.client import events as e
from chatctl.client.errors import BannedError
from chatctl.client.login import account_registration
from chatctl.client.login.registration import INVALID, TAKEN
from chatctl.client.session import command_handlers, presence
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort

_MAX_USERS = 100_000


def isupport(state: EnginePort, message: Message) -> None:
    """005. The rule by which two spellings are one name (CASEMAPPING) may change at any time."""
    before = state.isupport.fold
    state.isupport.read(message.params[1:-1])
    if state.isupport.fold is not before:
        _refold(state, before)
    # The case mapping may have changed, so rooms are keyed anew.
    state.unstored.refold(state.fold)
    state.wanted = {state.fold(room): (room, key) for room, key in state.wanted.values()}


def _refold(state: EnginePort, before: Callable[[str], str]) -> None:
    """Bring everything that is kept under folded names under the new rule."""
    nicks = [nick for room in state.rooms for nick, _ in room.members.values()]
    known = {before(name): name for name in [*(room.name for room in state.rooms), *nicks]}

    def renewed(key: str) -> str:
        return state.fold(known.get(key, key))

    state.rooms.refold()
    state.presence.refold(renewed, state.fold)
    state.backfill.refold(renewed)
    if state.online:
        state.emit(e.PresenceChanged(time=state.now(), name="", online=True, away=False, text=""))


def welcome_over(state: EnginePort, message: Message) -> None:
    """376 and 422: the message of the day ended, or there is none."""
    state.welcomed()


def motd(state: EnginePort, message: Message) -> None:
    """372: one line of it."""
    text = message.params[-1].removeprefix("- ") if message.params else ""
    state.emit(e.ServerNotice(time=state.time_of(message), text=text, code=message.command))


def away(state: EnginePort, message: Message) -> None:
    """301: an answer to what we wrote to them, or a line of WHOIS."""
    if state.fold(message.param(1)) in state.presence.whois:
        presence.whois_line(state, message)
        return
    state.emit(e.Away(time=state.time_of(message), name=message.param(1), text=message.param(2)))


def away_set(state: EnginePort, message: Message) -> None:
    """305 and 306."""
    gone = message.command == "306"
    text = state.away_text if gone else ""
    state.emit(e.AwaySet(time=state.time_of(message), away=gone, text=text))


def who_line(state: EnginePort, message: Message) -> None:
    """352: ``me room user host server nick flags :hops realname``."""
    if len(message.params) < 8 or len(state.people) >= _MAX_USERS:
        return
    _, _, user, host, _, nick, flags, rest = message.params[:8]
    realname = rest.partition(" ")[2]
    operator = "@" in flags
    state.people.append(e.Person(nick, user, host, realname, flags[:1].upper() == "G", operator))


def who_over(state: EnginePort, message: Message) -> None:
    """315."""
    people, state.people = tuple(state.people), []
    if presence.who_came(state, message.param(1), people):
        return
    state.emit(e.Who(time=state.time_of(message), mask=message.param(1), people=people))


def topic(state: EnginePort, message: Message) -> None:
    """331 and 332: asked for, or told on entering."""
    room = state.rooms.get(message.param(1))
    text = message.param(2) if message.command == "332" else ""
    if room is not None:
        room.topic = text
    name = room.name if room is not None else message.param(1)
    state.emit(e.Topic(time=state.time_of(message), room=name, text=text))


def names(state: EnginePort, message: Message) -> None:
    """353: ``me = #room :@alice bob``."""
    if len(message.params) >= 4:
        state.rooms.listed(message.params[2], message.params[3].split())


def names_over(state: EnginePort, message: Message) -> None:
    """366."""
    name = message.param(1)
    listing = state.rooms.listing_ended(name)
    room = state.rooms.get(name)
    folded = state.fold(name)
    asked = folded in state.asked_names
    if room is not None and not asked:
        presence.entered(state, room.name)
    state.asked_names.discard(folded)
    highest = tuple(state.isupport.prefixes.values())[:-1] or ("@",)
    state.emit(
        e.Names(
            time=state.time_of(message),
            room=room.name if room is not None else name,
            names=tuple(nick for nick, _ in listing),
            operators=tuple(nick for nick, symbols in listing if symbols[:1] in highest and symbols),
            asked=asked,
        )
    )


def own_host(state: EnginePort, message: Message) -> None:
    """396 (not in the document, sent by several servers): our host as others see it now."""
    nick, _, rest = state.prefix.partition("!")
    user = rest.partition("@")[0]
    host = message.param(1).rpartition("@")[2]
    state.prefix = f"{nick}!{user}@{host}" if user and host else ""


def refused(state: EnginePort, message: Message) -> None:
    """4xx and 5xx: ``me [about...] :text``."""
    if not message.params:
        return
    time, code, text = state.time_of(message), message.command, message.params[-1]
    about = message.params[1] if len(message.params) > 2 else None
    entry = None
    if about is not None and code in ("401", "403", "404"):
        entry = state.in_flight.refused(about)
    said, ticket = command_handlers.resent_text(entry), command_handlers.ticket_of(entry)
    if about is not None and state.isupport.is_room(about) and about not in state.rooms:
        state.backfill.on_leave(about)
        state.unstored.join_refused(state, about, code)
    if code in TAKEN and about is not None and not state.isupport.is_room(about):
        state.emit(e.NameTaken(time=time, name=about, text=text))
    elif code in INVALID:
        state.emit(e.NameRefused(time=time, name=about or "", text=text))
    else:
        state.emit(e.Failed(time=time, text=text, code=code, about=about, said=said, ticket=ticket))


def banned(state: EnginePort, message: Message) -> None:
    """465 while registered: the client must not reconnect, under this name or another."""
    refused(state, message)
    state.sent_away = BannedError(message.params[-1] if message.params else "you are banned from this server")


def inviting(state: EnginePort, message: Message) -> None:
    """341: ``me nick room``."""
    text = f"{message.param(1)} is invited into {message.param(2)}"
    state.emit(e.ServerNotice(time=state.time_of(message), text=text, code=message.command))


def counts(state: EnginePort, message: Message) -> None:
    """251 to 255, 265 and 266, user counts: shown only as the answer to LUSERS, not after registration."""
    if state.online:
        other(state, message)


def account(state: EnginePort, message: Message) -> None:
    """900 and 901: logged in, or out; the last parameter says it in words, the others do so for programs."""
    state.logged_in = message.param(2) if message.command == "900" and len(message.params) > 3 else ""
    if message.params and not (state.logged_in and account_registration.is_reported(state, state.logged_in)):
        state.emit(e.ServerNotice(time=state.time_of(message), text=message.params[-1], code=message.command))


def account_made(state: EnginePort, message: Message) -> None:
    """920 of Ergo, which repeats the answer to REGISTER."""
    if not account_registration.is_reported(state, message.param(1)):
        other(state, message)


def other(state: EnginePort, message: Message) -> None:
    """Numerics without a row: a refusal by the first digit, or a text of the server."""
    code = message.command
    if code.isascii() and code.isdigit() and len(code) == 3:
        if code[0] in "45":
            refused(state, message)
        elif len(message.params) > 1:
            text = " ".join(message.params[1:])
            state.emit(e.ServerNotice(time=state.time_of(message), text=text, code=code))


def nothing(state: EnginePort, message: Message) -> None:
    """Ignore a line that every connection gets."""


NUMERICS: dict[str, Callable[[EnginePort, Message], None]] = {
    "001": nothing,
    "002": nothing,
    "003": nothing,
    "004": nothing,
    "005": isupport,
    "221": nothing,
    "250": counts,
    "251": counts,
    "252": counts,
    "253": counts,
    "254": counts,
    "255": counts,
    "265": counts,
    "266": counts,
    "301": away,
    "305": away_set,
    "306": away_set,
    "315": who_over,
    "331": topic,
    "332": topic,
    "333": nothing,
    "352": who_line,
    "341": inviting,
    "353": names,
    "366": names_over,
    "372": motd,
    "375": nothing,
    "376": welcome_over,
    "396": own_host,
    "422": welcome_over,
    "318": presence.whois_over,
    "321": nothing,
    "322": presence.listed,
    "323": presence.listed_over,
    "465": banned,
    "696": refused,
    "900": account,
    "920": account_made,
    "901": account,
    "730": presence.monitored,
    "731": presence.monitored,
    **{code: presence.whois_line for code in presence.WHOIS_LINES if code != "301"},
}
