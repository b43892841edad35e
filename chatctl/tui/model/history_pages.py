"""Pages of the past, and what a search found, as items."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from chatctl.client import events as e
from chatctl.tui.model.items import Item
from chatctl.tui.model.mentions import mentions
from chatctl.tui.model.message_log import MessageLog
from chatctl.tui.model.page_items import PageItems

if TYPE_CHECKING:
    from chatctl.tui.model.buffers import Buffer
    from chatctl.tui.model.view_state import ViewState


def page(model: ViewState, event: e.HistoryReceived) -> None:
    kind, buffer = model.pages.pop(event.number, ("", model.here))
    if kind == "SEARCH":
        named = tuple((where_of(found, model.me), item_of(model, found)) for found in _said(event.events))
        model.found = PageItems(event.number, named, event.failed)
        model.stale |= {"found"}
        return
    if buffer.asked == event.number:
        buffer.asked = 0
    items = items_of(model, event.events)
    if kind == "BEFORE":
        _unread_before(model, buffer, items, event.ends or event.failed)
        buffer.shown.put_before(item for item in items if item.is_message or item.time < buffer.since)
        buffer.shown.begins = event.ends or event.failed
    elif kind == "LAST":
        buffer.log.put_before(item for item in items if item.is_message)
        _unread_at_the_end(buffer, model)
    elif kind == "AFTER" and buffer.past is not None:
        reached = any(item.id is not None and buffer.log.find(item.id) for item in items)
        buffer.past.put_after(items)
        if reached or event.ends:
            buffer.past = None
    elif kind == "AROUND":
        if items:
            buffer.past = MessageLog()
            buffer.past.live = False
            buffer.past.put_after(items)
        else:
            model.tell("That message cannot be shown any more", now=event.time.timestamp())
    model.stale |= {"log"}


def _unread_at_the_end(buffer: Buffer, model: ViewState) -> None:
    """Request the messages of an earlier conversation after the last one read; if that is unknown, after our last
    one."""
    said = [item for item in buffer.log.items if item.is_message]
    read = (
        buffer.left_off if buffer.left_off is not None else max((item.time for item in said if item.own), default=0.0)
    )
    missed = [item for item in said if not item.own and item.time > read]
    if missed and buffer is not model.here:
        buffer.log.unread = missed[0]
        buffer.unread = buffer.mentions = len(missed)
        model.stale |= {"rooms"}


def _unread_before(model: ViewState, buffer: Buffer, items: list[Item], ends: bool) -> None:
    """Count the unread messages of a page before the first live one, and place the marker above them."""
    log = buffer.log
    if buffer.past is not None or log.unread is None or buffer.left_off is None:
        return
    if log.unread is not next((item for item in log.items if item.is_message), None):
        return
    said = [item for item in items if item.is_message]
    missed = [item for item in said if not item.own and item.time > buffer.left_off]
    log.unread_above = log.unread_above and not ends and said == missed
    if missed:
        log.unread = missed[0]
        if buffer is not model.here or not model.attention:
            buffer.unread += len(missed)
            buffer.mentions += sum(item.mention or not buffer.is_room for item in missed)
            model.stale |= {"rooms"}


def item_of(model: ViewState, event: e.RoomMessage | e.PrivateMessage) -> Item:
    """Return a message as an item of a log."""
    form: Literal["said", "action", "notice"] = "said" if event.kind == "message" else event.kind
    mention = not event.own and isinstance(event, e.RoomMessage) and mentions(event.text, model.me)
    audience = event.audience if isinstance(event, e.RoomMessage) else None
    return Item(
        form, event.time.timestamp(), event.text, event.name,
        id=event.id, own=event.own, mention=mention, reply=event.reply, account=event.account,
        audience=audience,
    )  # fmt: skip


def items_of(model: ViewState, events: Iterable[e.Event]) -> list[Item]:
    """Return a page of history as items, with folds, reactions and deletions."""
    log = MessageLog()
    for event in events:
        if isinstance(event, e.RoomMessage | e.PrivateMessage):
            log.add(item_of(model, event))
        elif isinstance(event, e.Reacted | e.Deleted):
            _about(log.find(event.id), event)
        else:
            moved(log, event)
    return log.items


def _about(item: Item | None, event: e.Reacted | e.Deleted) -> None:
    if item is None:
        return
    if isinstance(event, e.Reacted):
        item.react(event.name, event.reaction, removed=event.removed)
    else:
        delete(item, event.name)


def moved(log: MessageLog, event: e.Event) -> None:
    """Add a join, part or reaction of the past."""
    moment = event.time.timestamp()
    match event:
        case e.Joined(own=True) | e.Parted(own=True):
            return  # that one was there oneself says nothing
        case e.Joined():
            log.move(moment, event.name, "joined", "")
        case e.Parted():
            log.move(moment, event.name, "left", plain_reason(event))
        case e.Topic() if event.name:
            log.add(Item("news", moment, f"{event.name} set the topic: {event.text}"))
        case e.NickChanged():
            log.add(Item("news", moment, f"{event.old} is {event.name} now"))


def delete(item: Item, by: str) -> None:
    """Remove the text of a deleted message; the name of the user who deleted it stays."""
    item.deleted = by
    item.text = ""
    item.reactions = None
    item.mention = False
    item.changed()


def where_of(event: e.RoomMessage | e.PrivateMessage, me: str) -> str:
    """Return the name of a message's buffer."""
    if isinstance(event, e.RoomMessage):
        return event.room
    return event.to if event.own or event.name == me else event.name


def _said(events: Iterable[e.Event]) -> list[e.RoomMessage | e.PrivateMessage]:
    return [event for event in events if isinstance(event, e.RoomMessage | e.PrivateMessage)]


def plain_reason(event: e.Parted) -> str:
    """Return the reason of a departure, if it says more than the departure itself."""
    reason = event.reason.removeprefix("Quit: ") if event.how == "quit" else event.reason
    return "" if reason in ("Quit", "Connection closed", event.name, event.by) else reason
