"""Pages of the past, and what a search found, as items."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chatctl.client import events as e
from chatctl.tui.model.items import Item
from chatctl.tui.model.mentions import mentions
from chatctl.tui.model.message_log import MessageLog

if TYPE_CHECKING:
    from chatctl.tui.model.buffers import Buffer
    from chatctl.tui.model.view_model import ViewModel


@dataclass(frozen=True, slots=True)
class PageItems:
    """The answer to a search: each item with the name of its place; `number` of the question."""

    number: int
    items: tuple[tuple[str, Item], ...]
    failed: bool


def page(desk: ViewModel, event: e.HistoryReceived) -> None:
    kind, place = desk.pages.pop(event.number, ("", desk.here))
    if kind == "SEARCH":
        named = tuple((where_of(found, desk.me), item_of(desk, found)) for found in _said(event.events))
        desk.found = PageItems(event.number, named, event.failed)
        desk.stale |= {"found"}
        return
    if place.asked == event.number:
        place.asked = 0
    items = items_of(desk, event.events)
    if kind == "BEFORE":
        _unread_before(desk, place, items, event.ends or event.failed)
        place.shown.put_before(item for item in items if item.is_said or item.time < place.since)
        place.shown.begins = event.ends or event.failed
    elif kind == "LAST":
        place.log.put_before(item for item in items if item.is_said)
        _unread_at_the_end(place, desk)
    elif kind == "AFTER" and place.past is not None:
        reached = any(item.id is not None and place.log.find(item.id) for item in items)
        place.past.put_after(items)
        if reached or event.ends:
            place.past = None
    elif kind == "AROUND":
        if items:
            place.past = MessageLog()
            place.past.live = False
            place.past.put_after(items)
        else:
            desk.tell("That message cannot be shown any more", now=event.time.timestamp())
    desk.stale |= {"log"}


def _unread_at_the_end(place: Buffer, desk: ViewModel) -> None:
    """Request the messages of an earlier conversation after the last one read; if that is unknown, after our last
    one."""
    said = [item for item in place.log.items if item.is_said]
    read = place.left_off if place.left_off is not None else max((item.time for item in said if item.own), default=0.0)
    missed = [item for item in said if not item.own and item.time > read]
    if missed and place is not desk.here:
        place.log.unread = missed[0]
        place.unread = place.mentions = len(missed)
        desk.stale |= {"rooms"}


def _unread_before(desk: ViewModel, place: Buffer, items: list[Item], ends: bool) -> None:
    """Count the unread messages of a page before the first live one, and place the marker above them."""
    log = place.log
    if place.past is not None or log.unread is None or place.left_off is None:
        return
    if log.unread is not next((item for item in log.items if item.is_said), None):
        return
    said = [item for item in items if item.is_said]
    missed = [item for item in said if not item.own and item.time > place.left_off]
    log.unread_above = log.unread_above and not ends and said == missed
    if missed:
        log.unread = missed[0]
        if place is not desk.here or not desk.attention:
            place.unread += len(missed)
            place.mentions += sum(item.mention or not place.is_room for item in missed)
            desk.stale |= {"rooms"}


def item_of(desk: ViewModel, event: e.RoomMessage | e.PrivateMessage) -> Item:
    """A message as it stands in a log."""
    form: Literal["said", "action", "notice"] = "said" if event.kind == "message" else event.kind
    mention = not event.own and isinstance(event, e.RoomMessage) and mentions(event.text, desk.me)
    audience = event.audience if isinstance(event, e.RoomMessage) else None
    return Item(
        form, event.time.timestamp(), event.text, event.name,
        id=event.id, own=event.own, mention=mention, reply=event.reply, account=event.account,
        audience=audience,
    )  # fmt: skip


def items_of(desk: ViewModel, events: Iterable[e.Event]) -> list[Item]:
    """Return a page of history as items, with folds, reactions and deletions."""
    log = MessageLog()
    for event in events:
        if isinstance(event, e.RoomMessage | e.PrivateMessage):
            log.add(item_of(desk, event))
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
            log.move(moment, event.name, "came", "")
        case e.Parted():
            log.move(moment, event.name, "left", plain_reason(event))
        case e.Topic() if event.name:
            log.add(Item("news", moment, f"{event.name} set the topic: {event.text}"))
        case e.NickChanged():
            log.add(Item("news", moment, f"{event.old} is {event.name} now"))


def delete(item: Item, by: str) -> None:
    """A message was taken back: its words go, and who did it stays."""
    item.deleted = by
    item.text = ""
    item.reactions = None
    item.mention = False
    item.changed()


def where_of(event: e.RoomMessage | e.PrivateMessage, me: str) -> str:
    """The name of the place that a message belongs to."""
    if isinstance(event, e.RoomMessage):
        return event.room
    return event.to if event.own or event.name == me else event.name


def _said(events: Iterable[e.Event]) -> list[e.RoomMessage | e.PrivateMessage]:
    return [event for event in events if isinstance(event, e.RoomMessage | e.PrivateMessage)]


def plain_reason(event: e.Parted) -> str:
    """Return the reason of a departure, if it says more than the departure itself."""
    reason = event.reason.removeprefix("Quit: ") if event.how == "quit" else event.reason
    return "" if reason in ("Quit", "Connection closed", event.name, event.by) else reason
