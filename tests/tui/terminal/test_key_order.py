"""Keys of one burst are handled in the order of their bytes (chatctl/tui/terminal/key_order)."""

from __future__ import annotations

import asyncio
import unicodedata

import pytest
from textual import events
from textual.widgets import Input

from chatctl.client import Client
from chatctl.client import events as e
from chatctl.server import Server
from chatctl.tui.widgets.input import MessageInput
from tests.tui.screens import LocalLogin, Screen, play, screen
from tests.wire import DEADLINE

pytestmark = pytest.mark.e2e

_NAMED = {
    "\x7f": "backspace",
    "\r": "enter",
    "\x15": "ctrl+u",
    "\x1b": "escape",
    "\x0e": "ctrl+n",
    "\x06": "ctrl+f",
    "\x03": "ctrl+c",
}


def burst(ann: Screen, text: str) -> None:
    """Have the terminal send all of this at once."""
    for character in text:
        key = _NAMED.get(character) or (character if character.isalnum() else unicodedata.name(character).lower())
        ann.app.post_message(events.Key(key.replace(" ", "_"), character))


def written(ann: Screen) -> str:
    return ann.app.screen_stack[0].query_one(MessageInput).text


def heard(bob: Client, last: str) -> list[str]:
    """Return the texts said in the room up to this one."""
    texts: list[str] = []
    for event in bob.events(timeout=DEADLINE):
        if isinstance(event, e.RoomMessage):
            texts.append(event.text)
            if event.text == last:
                break
    return texts


def test_corrections_in_a_burst_are_sent_as_they_were_typed(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            burst(ann, "teh\x7f\x7fhe cat\rgone\x15here\r")
            text = await ann.until("[ann]: here")
            assert "[ann]: the cat" in text
            assert "gone" not in text

    play(story)


def test_ctrl_u_clears_the_whole_input(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            await ann.press("a", "b", "alt+enter", "c", "d", "left", "ctrl+u")
            await ann.until(lambda _: written(ann) == "")

    play(story)


def test_keys_after_one_that_opens_a_dialog_go_to_the_dialog(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            burst(ann, "abc\x06wordz\x7fs")
            await ann.until("Search")
            await ann.until(lambda _: ann.app.screen.query_one(Input).value == "words")
            assert written(ann) == "abc"
            burst(ann, "\x1bd\x7fde")
            await ann.until(lambda _: written(ann) == "abcde")

    play(story)


def test_keys_after_a_change_of_room_go_to_the_new_room(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            await ann.type("/query bob")
            await ann.until(lambda text: text.startswith(" bob"))
            burst(ann, "draft\x0eroom\x7f\r")
            await ann.until("[ann]: roo")
            assert ann.app.model.here.name == "#lobby"
            await ann.press("ctrl+n")
            await ann.until(lambda _: written(ann) == "draft")

    play(story)


def test_interrupts_in_a_burst_close_the_dialog_and_leave(
    server: Server, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            monkeypatch.setattr(ann.app, "leave", lambda reason: left.set())
            burst(ann, "draft")
            await ann.until("draft")
            burst(ann, "\x06word\x03\x03\x03")
            await asyncio.wait_for(left.wait(), DEADLINE)
            assert written(ann) == ""
            assert len(ann.app.screen_stack) == 1
            assert ann.app.problem is None

    left = asyncio.Event()
    play(story)


def test_keys_after_an_answered_dialog_do_not_go_to_it(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            burst(ann, "/register\rhunter22\rhunter22\rhello\x7f\x7f\x7f\x7fey\r")
            await ann.until("[ann]: hey")
            await ann.until("You are now logged in as ann")
            burst(ann, "/help\rxhi\r\x06\x1bthere\r")
            text = await ann.until("[ann]: there")
            assert "[ann]: hi" in text

    play(story)
    assert heard(bob, "there") == ["hey", "hi", "there"]


def test_paste_in_a_burst_keeps_its_place(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            burst(ann, "ab")
            ann.app.post_message(events.Paste("cd"))
            burst(ann, "e\x7ff\r")
            await ann.until("[ann]: abcdf")
            ann.app.post_message(events.Paste("one\ntwo"))
            burst(ann, "\rafter\r")
            text = await ann.until("[ann]: after")
            assert text.index("two") < text.index("after")

    play(story)


def test_backspace_deletes_a_whole_emoji(server: Server, bob: Client) -> None:
    family, flag, thumb, heart = (
        "\U0001f469\u200d\U0001f467",
        "\U0001f1e9\U0001f1ea",
        "\U0001f44d\U0001f3fd",
        "\u2764\ufe0f",
    )

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            line = ann.app.query_one(MessageInput)
            line.write(f"a{family}{flag}{thumb}{heart}e\u0301")
            clusters = ["a", family, flag, thumb, heart]
            for left in ("".join(clusters[:count]) for count in range(len(clusters), 0, -1)):
                await ann.press("backspace")
                await ann.until(lambda _, left=left: written(ann) == left)  # type: ignore[misc]
            line.write(f"{family}b")
            await ann.press("home", "right", "x", "left", "left", "delete")
            await ann.until(lambda _: written(ann) == "xb")
            await ann.press("ctrl+u", "ctrl+f")
            await ann.until("Search")
            field = ann.app.screen.query_one(Input)
            field.value = f"a{family}"
            field.cursor_position = len(field.value)
            await ann.press("backspace")
            await ann.until(lambda _: field.value == "a")

    play(story)


def test_settings_without_a_word_are_shown_and_stay(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            await ann.type("/typing")
            await ann.type("/typing")
            await ann.type("/notify off")
            await ann.type("/notify")
            text = await ann.until("/notify on changes it")
            assert text.count("Others see when you type: yes; /typing off changes it") == 2

    play(story)
