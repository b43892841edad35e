"""Events, and what each changes in the places: one function each, and the table at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chatctl.client import events as e
from chatctl.client.events.sentences import SentenceContext as WordsPlace
from chatctl.client.events.sentences import words
from chatctl.tui.model import history_pages
from chatctl.tui.model.buffers import Buffer, note
from chatctl.tui.model.history_pages import delete, item_of, plain_reason
from chatctl.tui.model.items import Item

if TYPE_CHECKING:
    from chatctl.tui.model.view_model import ViewModel


MAX_CONVERSATIONS = 20
"""Private conversations that are there again on coming back: the latest."""

_SAME = 1.0
"""Seconds within which the same refusal is told once."""


def hear(desk: ViewModel, event: e.Event) -> None:
    """Handle an event. Kinds without a row are shown in the words of the line client."""
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(desk, event)
    else:
        in_words(desk, event)


def in_words(desk: ViewModel, event: e.Event) -> None:
    place = desk.here
    about = getattr(event, "room", None) or getattr(event, "target", None) or getattr(event, "about", None)
    if isinstance(about, str) and about:
        place = desk.places.get(about) or place
    for tone, text in words(event, WordsPlace(desk.me, several=True)):
        bare = text[len("--- ") :] if text[:4] in ("--- ", "!!! ") else text
        desk.tell(bare, trouble=tone == "trouble", place=place, now=event.time.timestamp())


def said(desk: ViewModel, event: e.RoomMessage) -> None:
    place = desk.places.get(event.room)
    if place is None:
        place = desk.places.open(event.room, is_room=True)
        desk.stale |= {"rooms"}
    message(desk, place, event)


def private(desk: ViewModel, event: e.PrivateMessage) -> None:
    other = event.to if event.own else event.name
    place = desk.places.get(other)
    if place is None and event.kind == "notice" and not event.own:  # services and bots: no conversation
        place = desk.here
    message(desk, place or desk.converse(other), event)


def message(desk: ViewModel, place: Buffer, event: e.RoomMessage | e.PrivateMessage) -> None:
    if event.ticket is not None:
        place.log.confirmed(event.ticket)
    item = item_of(desk, event)
    if not place.log.add(item, past=event.history):
        return
    place.types(event.name, "done")
    looked_at = place is desk.here and desk.attention
    missed = event.history and place.left_off is not None and item.time > place.left_off
    if not event.history or desk.came_back or missed:
        private = isinstance(event, e.PrivateMessage) and event.kind != "notice"
        alerts = (item.mention or private) and not item.own
        note(place, item, looked_at=looked_at, alerts=alerts)
        if alerts and not looked_at and not (desk.attention and desk.in_front):
            desk.alerts.append((place, item))
        if missed and not item.own and place.log.unread is None:
            place.log.unread = item  # looked at or not: that is where one left off
    desk.stale |= {"log", "rooms", "status"} if place is desk.here else {"rooms"}


def joined(desk: ViewModel, event: e.Joined) -> None:
    if event.own:
        entered(desk, event)
        return
    place = desk.places.get(event.room)
    if place is not None:
        place.log.move(event.time.timestamp(), event.name, "came", "")
    desk.stale |= {"log", "people"}


def entered(desk: ViewModel, event: e.Joined) -> None:
    place = desk.places.open(event.room, is_room=True)
    place.joined = True
    desk.been.add(desk.places.fold(event.room))
    place.topic = ""  # if there is one it is shown; it was not requested
    place.since = min(place.since, event.time.timestamp())
    home = desk.places.home.log
    if home.items:  # [server-text]
        for item in home.items:
            place.log.add(item)
        home.items.clear()
    if desk.going and desk.places.fold(desk.going) == desk.places.fold(event.room):
        desk.going = ""
        desk.places.look_at(place)
    desk.stale |= {"log", "rooms", "people", "topic"}


def missed(desk: ViewModel, event: e.Missed) -> None:
    place = desk.places.get(event.room)
    if place is not None:
        for past in event.events:
            history_pages.moved(place.log, past)
    desk.stale |= {"log"}


def left(desk: ViewModel, event: e.Parted) -> None:
    moment = event.time.timestamp()
    if event.own and event.how == "part":
        for room in event.rooms:
            place = desk.places.get(room)
            if place is not None:
                desk.places.close(place)
    elif event.own:
        for room in event.rooms:
            place = desk.places.get(room)
            if place is not None:
                place.joined = False
                why = f" ({event.reason})" if event.reason not in ("", event.by) else ""
                text = f"{event.by or 'Somebody'} removed you from {room}{why}; /join {room} enters it again"
                desk.tell(text, place=place, now=moment)
    else:
        reason = plain_reason(event)
        for room in event.rooms:
            place = desk.places.get(room)
            if place is None:
                continue
            place.types(event.name, "done")
            if event.how == "kick":
                why = f" ({reason})" if reason else ""
                desk.tell(f"{event.by} removed {event.name}{why}", place=place, now=moment)
            else:
                place.log.move(moment, event.name, "left", reason)
    desk.stale |= {"log", "rooms", "people", "topic"}


def renamed(desk: ViewModel, event: e.NickChanged) -> None:
    moment = event.time.timestamp()
    if event.own:
        desk.me = event.name
        desk.tell(f"You are {event.name} now", now=moment)
    else:
        desk.places.rename(event.old, event.name)
        for place in desk.places:
            if place is desk.here or desk.places.fold(place.name) == desk.places.fold(event.name):
                place.log.add(Item("news", moment, f"{event.old} is {event.name} now"))
    desk.stale |= {"log", "rooms", "people", "status"}


def topic(desk: ViewModel, event: e.Topic) -> None:
    place = desk.places.get(event.room)
    if place is None:
        in_words(desk, event)
        return
    asked = event.name is None and place.topic == event.text
    place.topic = event.text
    desk.stale |= {"topic"}
    if event.name is not None or (asked and place is desk.here and place.log.items):
        in_words(desk, event)


def names(desk: ViewModel, event: e.Names) -> None:
    desk.stale |= {"people", "topic"}
    if event.asked:
        in_words(desk, event)


def typing(desk: ViewModel, event: e.Typing) -> None:
    place = desk.places.get(event.target)
    if place is not None and event.name != desk.me:
        place.types(event.name, event.state)
        desk.stale |= {"status"}


def reacted(desk: ViewModel, event: e.Reacted) -> None:
    about(desk, event.target, event.id, lambda item: item.react(event.name, event.reaction, removed=event.removed))


def deleted(desk: ViewModel, event: e.Deleted) -> None:
    about(desk, event.target, event.id, lambda item: delete(item, event.name))


def about(desk: ViewModel, target: str, id: str, change: Callable[[Item], None]) -> None:
    place = desk.places.get(target)
    for log in (place.log, place.past) if place is not None else ():
        item = log.find(id) if log is not None else None
        if item is not None:
            change(item)
            desk.stale |= {"log"}


def read_until(desk: ViewModel, event: e.ReadUntil) -> None:
    place = desk.places.get(event.target)
    if place is None or event.until is None:
        return
    if place.left_off is None:
        place.left_off = event.until.timestamp()
    if place.read_until is None or event.until > place.read_until:
        place.read_until = event.until
        last = next((item for item in reversed(place.log.items) if item.is_said), None)
        if last is not None and last.time <= event.until.timestamp():
            place.seen()
            desk.stale |= {"rooms"}


def conversations(desk: ViewModel, event: e.Conversations) -> None:
    """Whom we talked with before is there again, with what we have not read."""
    now = desk.here
    for name, last in event.people[-MAX_CONVERSATIONS:]:
        if desk.places.get(name) is None:
            desk.recall(desk.converse(name), last)
    if now is desk.places.home and desk.going:
        desk.places.current = now
    desk.stale |= {"rooms"}


def presence(desk: ViewModel, event: e.PresenceChanged) -> None:
    if not event.name:
        desk.places.refold()  # the server's rule for spellings may have changed
    place = desk.places.get(event.name) if event.name else None
    if place is not None and not place.is_room:
        place.online = event.online
        desk.stale |= {"rooms", "topic"}
    desk.stale |= {"people"}


def connected(desk: ViewModel, event: e.Connected) -> None:
    desk.me = event.name
    desk.connection, desk.problem, desk.told_offline = "online", "", False
    desk.network = event.network or event.server
    desk.places.refold()
    if isinstance(event, e.Reconnected):
        desk.came_back = True
        desk.tell("Connected again", now=event.time.timestamp())
    else:
        where = f" on {desk.network}" if desk.network else ""
        desk.tell(f"You are {event.name}{where}. F1 shows the keys, /help the commands", now=event.time.timestamp())
        if desk.offer:
            desk.tell(desk.offer, now=event.time.timestamp())
    desk.stale |= {"status", "rooms"}


def reconnecting(desk: ViewModel, event: e.Reconnecting) -> None:
    desk.connection, desk.problem = "offline", event.reason
    desk.latency = None
    for place in desk.places:
        place.typists.clear()
        if place.asked:
            place.asked = 0
    if not desk.told_offline:  # once per disconnection: later attempts are on the status line
        desk.told_offline = True
        text = f"No connection: {event.reason}. Trying again; what you write is sent when it is back"
        desk.tell(text, now=event.time.timestamp())
    desk.stale |= {"status", "people"}


def ended(desk: ViewModel, event: e.Disconnected) -> None:
    desk.connection, desk.problem = "ended", event.reason
    desk.stale |= {"status"}


def away_set(desk: ViewModel, event: e.AwaySet) -> None:
    desk.away = event.away
    desk.stale |= {"status", "people"}


def latency(desk: ViewModel, event: e.Latency) -> None:
    desk.latency = event.seconds
    desk.stale |= {"status"}


def server(desk: ViewModel, event: e.ServerNotice) -> None:
    if desk.connection == "online" or event.code == "372":
        in_words(desk, event)


def failed(desk: ViewModel, event: e.Failed) -> None:
    if event.about:
        desk.room_was_refused(event.about)
    place = desk.places.get(event.about) if event.about else None
    for found in (place, *desk.places):
        if found is not None and event.ticket is not None and found.log.failed(event.ticket, event.text):
            desk.stale |= {"log"}
            return
    last = next(reversed(((place or desk.here).shown).items), None)
    if last is not None and last.kind == "trouble" and event.text in last.text:
        age = event.time.timestamp() - last.time
        if 0 <= age < _SAME:  # one command of ours may be several for the server
            return
    in_words(desk, event)


def not_sent(desk: ViewModel, event: e.Unconfirmed | e.Unsent) -> None:
    sure = isinstance(event, e.Unsent)
    problem = "not sent" if sure else "the connection broke; it may not have arrived"
    for message in event.messages:
        place = desk.places.get(message.target)
        if place is None or not place.log.failed(message.ticket, problem):
            desk.tell(f"To {message.target}: {message.text} - {problem}", trouble=True, now=event.time.timestamp())
    desk.stale |= {"log"}


def nothing(desk: ViewModel, event: e.Event) -> None:
    return


_HANDLERS: dict[type[e.Event], Callable[[ViewModel, Any], None]] = {
    e.RoomMessage: said,
    e.PrivateMessage: private,
    e.Joined: joined,
    e.Parted: left,
    e.Missed: missed,
    e.NickChanged: renamed,
    e.Topic: topic,
    e.Names: names,
    e.Typing: typing,
    e.Reacted: reacted,
    e.Deleted: deleted,
    e.ReadUntil: read_until,
    e.Conversations: conversations,
    e.PresenceChanged: presence,
    e.Connected: connected,
    e.Reconnected: connected,
    e.Reconnecting: reconnecting,
    e.Disconnected: ended,
    e.AwaySet: away_set,
    e.Latency: latency,
    e.ServerNotice: server,
    e.Failed: failed,
    e.Unconfirmed: not_sent,
    e.Unsent: not_sent,
    e.HistoryReceived: history_pages.page,
    e.Overrun: nothing,
}
