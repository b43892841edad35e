"""Unread messages: after a reconnect, and while the terminal is not watched."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.client import Client
from chatctl.client.profile.profile import Profile
from chatctl.server import Server
from chatctl.tui.commands.own_presence import IDLE_SECONDS, UNWATCHED_SECONDS
from tests.client.peer import eventually
from tests.deadline import DEADLINE
from tests.tui.screens import LocalLogin, play, screen

pytestmark = pytest.mark.e2e


def _after(text: str, ruled: str) -> str:
    """Return the text on the row below the marker line."""
    rows = text.split("\n")
    at = next((number for number, row in enumerate(rows) if f" {ruled} ─" in row), None)
    return rows[at + 1].partition("]: ")[2] if at is not None else ""


def test_unread_line_is_at_the_read_position_after_a_reconnect(server: Server, bob: Client) -> None:
    service = LocalLogin(server.port)
    bob.join("#dev")
    eventually(lambda: "#dev" in bob.rooms)

    async def first() -> None:
        async with screen(service) as ann:
            await ann.until("2 people")
            await ann.type("/join #dev")
            await ann.until("#dev     ")
            bob.say("#dev", "read in dev")
            await ann.until("read in dev")
            await ann.press("alt+1")
            bob.say("#lobby", "read by ann")
            await ann.until("read by ann")
            ann.app.model.mark_read()
            eventually(lambda: ann.app.client is not None and ann.app.client.flush(DEADLINE))

    async def second() -> None:
        async with screen(service, size=(80, 40)) as ann:
            text = await ann.until("missed 29")
            await ann.until(lambda text: _after(text, "new") == "missed 0")
            await ann.type("/join #dev")
            text = await ann.until("ann: dev, please")
            assert _after(text, "new") == "ann: dev, please"

    play(first)
    for number in range(30):  # more than a first look shows
        bob.say("#lobby", f"missed {number}", timeout=None)
    bob.say("#dev", "ann: dev, please")
    assert bob.flush(DEADLINE)
    play(second)


def test_joined_rooms_are_saved_before_leaving(server: Server, tmp_path: Path) -> None:
    """Or a killed program would lose them."""
    service = LocalLogin(server.port)

    async def entering() -> None:
        async with screen(service, folder=tmp_path) as ann:
            await ann.type("/join #dev")
            await ann.until("▸2 #dev")
            key = f"rooms {ann.app.login_worker.service.address}"
            await ann.until(lambda _: Profile(tmp_path).choice(key, "") == "#lobby #dev")

    play(entering)


def test_saved_rooms_are_joined_again_until_left(server: Server, bob: Client, tmp_path: Path) -> None:
    service = LocalLogin(server.port)
    bob.join("#dev")

    async def first() -> None:
        async with screen(service, folder=tmp_path) as ann:
            await ann.until("2 people")
            await ann.type("/join #dev")
            await ann.until("▸2 #dev")
            await ann.type("/quit")

    async def second() -> None:
        async with screen(service, folder=tmp_path) as ann:
            await ann.until("2 #dev")
            assert "▸1 #lobby" in ann.text()
            await ann.type("/part dev")
            await ann.until(lambda text: "#dev" not in text.split("│")[0])
            await ann.until(lambda _: ann.app.model.buffers.get("#dev") is None)
            await ann.type("/quit")

    async def third() -> None:
        async with screen(service, folder=tmp_path) as ann:
            await ann.until("2 people")
            assert ann.app.client is not None
            assert ann.app.client.flush(DEADLINE)
            assert ann.app.client.rooms == ("#lobby",)
            await ann.type("/quit")

    play(first)
    assert Profile(tmp_path).choice(f"rooms {service.address}", "") == "#lobby #dev"
    play(second)
    play(third)


def test_messages_are_found_below_many_joins_and_parts(server: Server, bob: Client) -> None:
    bob.say("#lobby", "said before all that")
    bob.join("#dev")
    bob.say("#dev", "said in dev")
    assert bob.flush(DEADLINE)
    with Client(port=server.port, name="eve", secret="eve's") as eve:
        for number in range(30):
            for room in ("#lobby", "#dev"):
                (eve.part if number % 2 else eve.join)(room)
        assert eve.flush(DEADLINE)

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("said before all that")
            await ann.type("/join #dev")
            await ann.until("said in dev")

    play(story)


def test_private_conversations_return_with_their_unread_messages(server: Server, bob: Client) -> None:
    service = LocalLogin(server.port)

    async def first() -> None:
        async with screen(service) as ann:
            await ann.until("2 people")
            await ann.type("/query bob")
            bob.say("ann", "read by ann")
            await ann.until("read by ann")
            await ann.type("bye")
            await ann.until(" [ann]: bye")
            await ann.press("alt+1")
            bob.say("ann", "not read")
            await ann.until("@1")

    async def second() -> None:
        async with screen(service) as ann:
            await ann.until("@1 elsewhere")
            assert ann.text().startswith(" #lobby ")
            await ann.press("alt+a")
            text = await ann.until(lambda text: text.startswith(" bob ") and "[bob]: not read" in text)
            assert "[bob]: read by ann" in text
            assert _after(text, "new") == "not read"

    play(first)
    play(second)


def test_reading_user_is_not_idle(server: Server) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("only you")
            own_presence, client = ann.app.own_presence, ann.app.client
            assert own_presence is not None
            assert client is not None
            for touch in (ann.press("pageup"), ann.wheel(30, 8, up=True), ann.press("f7"), ann.press("x")):
                own_presence._touched -= 2 * IDLE_SECONDS
                await touch
                own_presence.tick(away=False)
                assert client.flush(DEADLINE)
                assert not client.is_away("ann")
            own_presence._touched -= 2 * IDLE_SECONDS
            own_presence.tick(away=False)
            await ann.until("away (/back)")
            await ann.press("pagedown")
            await ann.until("connected")

    play(story)


def test_message_while_idle_is_unread(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            bob.say("#lobby", "seen")
            await ann.until("[bob]: seen")
            assert ann.app.own_presence is not None
            ann.app.own_presence._touched -= UNWATCHED_SECONDS
            ann.app._tick()
            bob.say("#lobby", "absent sees this")
            text = await ann.until("absent sees this")
            assert _after(text, "new") == "absent sees this"
            assert ann.app.model.here.unread == 1
            ann.app.model.mark_read()
            assert ann.app.model.here.read_until is None or ann.app.model.here.log.items[-1].time > (
                ann.app.model.here.read_until.timestamp()
            )
            await ann.press("pagedown")
            text = await ann.until(lambda _: ann.app.model.here.unread == 0)
            assert _after(text, "new") == "absent sees this", "the line stays, so that one sees where to go on"

    play(story)
