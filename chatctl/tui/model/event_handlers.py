"""Events, and what each changes in the buffers: one function each, and the table at the end."""

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
    from chatctl.tui.model.view_state import ViewState


MAX_CONVERSATIONS = 20
"""Private conversations that are there again on coming back: the latest."""

_SAME = 1.0
"""Seconds within which the same refusal is told once."""


def handle(model: ViewState, event: e.Event) -> None:
    """Handle an event. Kinds without a row are shown in the words of the line client."""
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(model, event)
    else:
        in_words(model, event)


def in_words(model: ViewState, event: e.Event) -> None:
    buffer = model.here
    about = getattr(event, "room", None) or getattr(event, "target", None) or getattr(event, "about", None)
    if isinstance(about, str) and about:
        buffer = model.buffers.get(about) or buffer
    for tone, text in words(event, WordsPlace(model.me, several=True)):
        bare = text[len("--- ") :] if text[:4] in ("--- ", "!!! ") else text
        model.tell(bare, trouble=tone == "trouble", buffer=buffer, now=event.time.timestamp())


def said(model: ViewState, event: e.RoomMessage) -> None:
    buffer = model.buffers.get(event.room)
    if buffer is None:
        buffer = model.buffers.open(event.room, is_room=True)
        model.stale |= {"rooms"}
    message(model, buffer, event)


def private(model: ViewState, event: e.PrivateMessage) -> None:
    other = event.to if event.own else event.name
    buffer = model.buffers.get(other)
    if buffer is None and event.kind == "notice" and not event.own:  # services and bots: no conversation
        buffer = model.here
    message(model, buffer or model.converse(other), event)


def message(model: ViewState, buffer: Buffer, event: e.RoomMessage | e.PrivateMessage) -> None:
    if event.ticket is not None:
        buffer.log.confirmed(event.ticket)
    item = item_of(model, event)
    if not buffer.log.add(item, past=event.history):
        return
    buffer.types(event.name, "done")
    looked_at = buffer is model.here and model.attention
    missed = event.history and buffer.left_off is not None and item.time > buffer.left_off
    if not event.history or model.came_back or missed:
        private = isinstance(event, e.PrivateMessage) and event.kind != "notice"
        alerts = (item.mention or private) and not item.own
        note(buffer, item, looked_at=looked_at, alerts=alerts)
        if alerts and not looked_at and not (model.attention and model.in_front):
            model.alerts.append((buffer, item))
        if missed and not item.own and buffer.log.unread is None:
            buffer.log.unread = item  # looked at or not: that is where one left off
    model.stale |= {"log", "rooms", "status"} if buffer is model.here else {"rooms"}


def joined(model: ViewState, event: e.Joined) -> None:
    if event.own:
        entered(model, event)
        return
    buffer = model.buffers.get(event.room)
    if buffer is not None:
        buffer.log.move(event.time.timestamp(), event.name, "joined", "")
    model.stale |= {"log", "people"}


def entered(model: ViewState, event: e.Joined) -> None:
    buffer = model.buffers.open(event.room, is_room=True)
    buffer.joined = True
    model.been.add(model.buffers.fold(event.room))
    buffer.topic = ""  # if there is one it is shown; it was not requested
    buffer.since = min(buffer.since, event.time.timestamp())
    home = model.buffers.home.log
    if home.items:  # [server-text]
        for item in home.items:
            buffer.log.add(item)
        home.items.clear()
    if model.going and model.buffers.fold(model.going) == model.buffers.fold(event.room):
        model.going = ""
        model.buffers.look_at(buffer)
    model.stale |= {"log", "rooms", "people", "topic"}


def missed(model: ViewState, event: e.Missed) -> None:
    buffer = model.buffers.get(event.room)
    if buffer is not None:
        for past in event.events:
            history_pages.moved(buffer.log, past)
    model.stale |= {"log"}


def left(model: ViewState, event: e.Parted) -> None:
    moment = event.time.timestamp()
    if event.own and event.how == "part":
        for room in event.rooms:
            buffer = model.buffers.get(room)
            if buffer is not None:
                model.buffers.close(buffer)
    elif event.own:
        for room in event.rooms:
            buffer = model.buffers.get(room)
            if buffer is not None:
                buffer.joined = False
                why = f" ({event.reason})" if event.reason not in ("", event.by) else ""
                text = f"{event.by or 'An operator'} removed you from {room}{why}; /join {room} enters it again"
                model.tell(text, buffer=buffer, now=moment)
    else:
        reason = plain_reason(event)
        for room in event.rooms:
            buffer = model.buffers.get(room)
            if buffer is None:
                continue
            buffer.types(event.name, "done")
            if event.how == "kick":
                why = f" ({reason})" if reason else ""
                model.tell(f"{event.by} removed {event.name}{why}", buffer=buffer, now=moment)
            else:
                buffer.log.move(moment, event.name, "left", reason)
    model.stale |= {"log", "rooms", "people", "topic"}


def renamed(model: ViewState, event: e.NickChanged) -> None:
    moment = event.time.timestamp()
    if event.own:
        model.me = event.name
        model.tell(f"You are {event.name} now", now=moment)
    else:
        model.buffers.rename(event.old, event.name)
        for buffer in model.buffers:
            if buffer is model.here or model.buffers.fold(buffer.name) == model.buffers.fold(event.name):
                buffer.log.add(Item("news", moment, f"{event.old} is {event.name} now"))
    model.stale |= {"log", "rooms", "people", "status"}


def topic(model: ViewState, event: e.Topic) -> None:
    buffer = model.buffers.get(event.room)
    if buffer is None:
        in_words(model, event)
        return
    asked = event.name is None and buffer.topic == event.text
    buffer.topic = event.text
    model.stale |= {"topic"}
    if event.name is not None or (asked and buffer is model.here and buffer.log.items):
        in_words(model, event)


def names(model: ViewState, event: e.Names) -> None:
    model.stale |= {"people", "topic"}
    if event.asked:
        in_words(model, event)


def typing(model: ViewState, event: e.Typing) -> None:
    buffer = model.buffers.get(event.target)
    if buffer is not None and event.name != model.me:
        buffer.types(event.name, event.state)
        model.stale |= {"status"}


def reacted(model: ViewState, event: e.Reacted) -> None:
    about(model, event.target, event.id, lambda item: item.react(event.name, event.reaction, removed=event.removed))


def deleted(model: ViewState, event: e.Deleted) -> None:
    about(model, event.target, event.id, lambda item: delete(item, event.name))


def about(model: ViewState, target: str, id: str, change: Callable[[Item], None]) -> None:
    buffer = model.buffers.get(target)
    for log in (buffer.log, buffer.past) if buffer is not None else ():
        item = log.find(id) if log is not None else None
        if item is not None:
            change(item)
            model.stale |= {"log"}


def read_until(model: ViewState, event: e.ReadUntil) -> None:
    buffer = model.buffers.get(event.target)
    if buffer is None or event.until is None:
        return
    if buffer.left_off is None:
        buffer.left_off = event.until.timestamp()
    if buffer.read_until is None or event.until > buffer.read_until:
        buffer.read_until = event.until
        last = next((item for item in reversed(buffer.log.items) if item.is_message), None)
        if last is not None and last.time <= event.until.timestamp():
            buffer.seen()
            model.stale |= {"rooms"}


def conversations(model: ViewState, event: e.Conversations) -> None:
    """Whom we talked with before is there again, with what we have not read."""
    now = model.here
    for name, last in event.people[-MAX_CONVERSATIONS:]:
        if model.buffers.get(name) is None:
            model.recall(model.converse(name), last)
    if now is model.buffers.home and model.going:
        model.buffers.current = now
    model.stale |= {"rooms"}


def presence(model: ViewState, event: e.PresenceChanged) -> None:
    if not event.name:
        model.buffers.refold()  # the server's rule for spellings may have changed
    buffer = model.buffers.get(event.name) if event.name else None
    if buffer is not None and not buffer.is_room:
        buffer.online = event.online
        model.stale |= {"rooms", "topic"}
    model.stale |= {"people"}


def connected(model: ViewState, event: e.Connected) -> None:
    model.me = event.name
    model.connection, model.problem, model.told_offline = "online", "", False
    model.network = event.network or event.server
    model.buffers.refold()
    if isinstance(event, e.Reconnected):
        model.came_back = True
        model.tell("Connected again", now=event.time.timestamp())
    else:
        where = f" on {model.network}" if model.network else ""
        model.tell(f"You are {event.name}{where}. F1 shows the keys, /help the commands", now=event.time.timestamp())
        if model.offer:
            model.tell(model.offer, now=event.time.timestamp())
    model.stale |= {"status", "rooms"}


def reconnecting(model: ViewState, event: e.Reconnecting) -> None:
    model.connection, model.problem = "offline", event.reason
    model.latency = None
    for buffer in model.buffers:
        buffer.typists.clear()
        if buffer.asked:
            buffer.asked = 0
    if not model.told_offline:  # once per disconnection: later attempts are on the status line
        model.told_offline = True
        text = f"No connection: {event.reason}. Trying again; what you write is sent when it is back"
        model.tell(text, now=event.time.timestamp())
    model.stale |= {"status", "people"}


def ended(model: ViewState, event: e.Disconnected) -> None:
    model.connection, model.problem = "ended", event.reason
    model.stale |= {"status"}


def away_set(model: ViewState, event: e.AwaySet) -> None:
    model.away = event.away
    model.stale |= {"status", "people"}


def latency(model: ViewState, event: e.Latency) -> None:
    model.latency = event.seconds
    model.stale |= {"status"}


def server(model: ViewState, event: e.ServerNotice) -> None:
    if model.connection == "online" or event.code == "372":
        in_words(model, event)


def failed(model: ViewState, event: e.Failed) -> None:
    if event.about:
        model.room_was_refused(event.about)
    buffer = model.buffers.get(event.about) if event.about else None
    for found in (buffer, *model.buffers):
        if found is not None and event.ticket is not None and found.log.failed(event.ticket, event.text):
            model.stale |= {"log"}
            return
    last = next(reversed(((buffer or model.here).shown).items), None)
    if last is not None and last.kind == "trouble" and event.text in last.text:
        age = event.time.timestamp() - last.time
        if 0 <= age < _SAME:  # one command of ours may be several for the server
            return
    in_words(model, event)


def not_sent(model: ViewState, event: e.Unconfirmed | e.Unsent) -> None:
    sure = isinstance(event, e.Unsent)
    problem = "not sent" if sure else "the connection broke; it may not have arrived"
    for message in event.messages:
        buffer = model.buffers.get(message.target)
        if buffer is None or not buffer.log.failed(message.ticket, problem):
            model.tell(f"To {message.target}: {message.text} - {problem}", trouble=True, now=event.time.timestamp())
    model.stale |= {"log"}


def nothing(model: ViewState, event: e.Event) -> None:
    return


_HANDLERS: dict[type[e.Event], Callable[[ViewState, Any], None]] = {
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
