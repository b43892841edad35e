"""Keys of one burst are handled in the order of their bytes (chatctl/tui/line)."""

from __future__ import annotations

import unicodedata

from textual import events
from textual.widgets import Input

from chatctl.client import Client
from chatctl.server import Server
from chatctl.tui.line import Line
from tests.tui.screens import Door, Screen, play, screen

_NAMED = {"\x7f": "backspace", "\r": "enter", "\x15": "ctrl+u", "\x1b": "escape", "\x0e": "ctrl+n", "\x06": "ctrl+f"}


def burst(ann: Screen, text: str) -> None:
    """Have the terminal send all of this at once."""
    for character in text:
        key = _NAMED.get(character) or (character if character.isalnum() else unicodedata.name(character).lower())
        ann.app.post_message(events.Key(key.replace(" ", "_"), character))


def written(ann: Screen) -> str:
    return ann.app.screen_stack[0].query_one(Line).text


def test_corrections_in_a_burst_are_sent_as_they_were_typed(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            burst(ann, "teh\x7f\x7fhe cat\rgone\x15here\r")
            text = await ann.until("[ann]: here")
            assert "[ann]: the cat" in text
            assert "gone" not in text

    play(story)


def test_ctrl_u_clears_the_whole_input(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            await ann.press("a", "b", "alt+enter", "c", "d", "left", "ctrl+u")
            await ann.until(lambda _: written(ann) == "")

    play(story)


def test_corrections_in_a_dialog_are_in_order_too(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            await ann.press("ctrl+f")
            await ann.until("Search")
            burst(ann, "wrong\x15wordz\x7fs")
            await ann.until(lambda _: ann.app.screen.query_one(Input).value == "words")

    play(story)


def test_backspace_takes_a_whole_emoji(server: Server, bob: Client) -> None:
    family, flag, thumb, heart = (
        "\U0001f469\u200d\U0001f467",
        "\U0001f1e9\U0001f1ea",
        "\U0001f44d\U0001f3fd",
        "\u2764\ufe0f",
    )

    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            line = ann.app.query_one(Line)
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
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            await ann.type("/typing")
            await ann.type("/typing")
            await ann.type("/notify off")
            await ann.type("/notify")
            text = await ann.until("names you: no; /notify on")
            assert text.count("Others see when you type: yes; /typing off changes it") == 2

    play(story)
