"""The mouse: never required, and everything that looks clickable is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatctl.client import Client
from chatctl.server import Server
from tests.client.peer import eventually
from tests.deadline import DEADLINE
from tests.tui.screens import LocalLogin, Screen, play, screen

pytestmark = pytest.mark.e2e


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0, listener_limit=50) as running:
        yield running


@pytest.fixture
def bob(server: Server) -> Iterator[Client]:
    with Client(port=server.port, name="bob", secret="bob's", attentive=True) as client:
        yield client


async def entered(ann: Screen, *rooms: str) -> None:
    await ann.until("You are ann")
    for room in rooms:
        await ann.type(f"/join {room}")
        await ann.until(lambda text, room=room: text.startswith(f" {room} "))  # type: ignore[misc]


def test_click_on_a_room_shows_it(server: Server) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await entered(ann, "#tea", "#dev")
            await ann.click("#tea")
            await ann.until(lambda text: text.startswith(" #tea "))
            await ann.click("#lobby")
            await ann.until(lambda text: text.startswith(" #lobby "))

    play(story)


def test_click_on_a_name_opens_a_conversation(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port), size=(100, 24)) as ann:
            await ann.until("│  bob")
            await ann.click("ann", column=82)  # oneself: nothing
            await ann.pilot.pause()
            assert ann.text().startswith(" #lobby ")
            await ann.click("bob", column=82)
            await ann.until(lambda text: text.startswith(" bob "))
            await ann.type("psst")
            await ann.until(" [ann]: psst")

    play(story)


def test_wheel_scrolls_and_loads_history(server: Server, bob: Client) -> None:
    for number in range(150):
        bob.say("#lobby", f"line {number}.", timeout=None)
    assert bob.flush(DEADLINE)

    async def story() -> None:
        async with screen(LocalLogin(server.port), size=(60, 20)) as ann:
            await ann.until("line 149.")
            for _ in range(100):
                await ann.wheel(30, 8, up=True)
                if "the beginning" in ann.text():
                    break
            text = await ann.until("line 0.")
            assert "below (Esc)" in text
            await ann.wheel(30, 8, up=False, turns=80)
            await ann.until(lambda text: "line 149." in text and "below" not in text)

    play(story)


def test_wheel_and_click_reach_every_member(server: Server) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port), size=(100, 10)) as ann:
            await ann.until("You are ann")
            client = ann.app.client
            assert client is not None
            others = [Client(port=server.port, name=f"user{number:02}", secret=f"{number}") for number in range(20)]
            try:
                for other in others:
                    other.start()
                await ann.until("21 people")
                await ann.until("and 15 more")
                await ann.click("and 15 more")  # shows them
                await ann.until(lambda text: "user08" in text and text.startswith(" #lobby "))
                await ann.wheel(90, 3, up=False, turns=9)
                await ann.until("user19")
                await ann.click("user19", column=82)
                await ann.until(lambda text: text.startswith(" user19 "))
            finally:
                for other in others:
                    other.stop()

    play(story)


def test_wheel_reaches_rooms_beyond_the_sidebar(server: Server) -> None:
    rooms = [f"#r{number:02}" for number in range(15)]

    async def story() -> None:
        async with screen(LocalLogin(server.port), size=(80, 10)) as ann:
            await entered(ann, *rooms)
            assert "#lobby" not in ann.text()
            await ann.wheel(5, 3, up=True, turns=9)
            await ann.until("1 #lobby")
            await ann.click("#lobby")
            await ann.until(lambda text: text.startswith(" #lobby "))

    play(story)


def test_link_is_opened_after_its_address_was_confirmed(
    server: Server, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            monkeypatch.setattr(ann.app, "open_url", opened.append)
            await ann.until("2 people")
            bob.say("#lobby", "look: https://example.org/a")
            await ann.until("example.org")
            await ann.click("https://")
            await ann.until("Open this link?")
            await ann.press("escape")
            await ann.pilot.pause()
            assert opened == []
            await ann.click("https://")
            await ann.until("Open this link?")
            await ann.press("enter")
            eventually(lambda: opened == ["https://example.org/a"])

    play(story)


def test_click_on_a_search_result_shows_it(server: Server, bob: Client) -> None:
    bob.say("#lobby", "the secret ingredient is cardamom")
    for number in range(60):
        bob.say("#lobby", f"line {number}", timeout=None)
    assert bob.flush(DEADLINE)

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("line 59")
            await ann.type("/search cardamom")
            await ann.until("1 found")
            await ann.click("[bob]: the secret")
            await ann.until(lambda text: "found" not in text and "[bob]: the secret ingredient" in text)

    play(story)
