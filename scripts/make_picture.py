"""Draw the screen at the top of the README from a conversation at a real server.

Run ``python -m scripts.make_picture docs/screen.svg``.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from chatctl.client import Client
from chatctl.server import Server
from tests.tui.screens import LocalLogin, Screen, screen


def _said(bob: Client, carol: Client, dave: Client) -> None:
    """Send the messages of the other users, in order."""
    for who, text in (
        (bob, "The kettle is on 🫖"),
        (carol, "ann: are you coming over at four? It is the last week of the **plum cake**"),
        (dave, "Recipe: https://example.org/plum-cake"),
    ):
        who.say("#tea", text)
        who.flush(5)


async def _talk(ann: Screen, server: Server) -> str:
    with (
        Client(port=server.port, name="bob", secret="b", rooms=["#tea", "#garden"]) as bob,
        Client(port=server.port, name="carol", secret="c", rooms=["#tea"]) as carol,
        Client(port=server.port, name="dave", secret="d", rooms=["#tea", "#garden"]) as dave,
        Client(port=server.port, name="美咲", secret="m", rooms=["#tea"]) as misaki,
    ):
        await ann.type("/join tea")
        await ann.until("5 people")
        bob.topic("#tea", "Tea at four, cake as long as there is any")
        await asyncio.to_thread(_said, bob, carol, dave)
        await ann.until("plum-cake")
        await ann.type("carol: on my way!")
        await ann.until("on my way!")
        await ann.type("/reply 2 I bring cream, and `lemons`")
        await ann.until("cream")
        bob.say("#garden", "the roses, ann!")
        misaki.say("ann", "is there green tea too?")
        misaki.say("#tea", "私も行きます 🙂")
        await ann.until("私も")
        event = next(item for item in ann.app.model.here.log.items if "cream" in item.text)
        for who in (bob, carol):
            who.react("#tea", event.id or "", "🎉")
        misaki.away("on the train")
        dave.typing("#tea", "active")
        await ann.until("dave is typing")
        await ann.until("🎉 2")
        await ann.pilot.pause()
        return ann.app.export_screenshot(title="chatctl join")


async def _picture() -> str:
    with Server(port=0, listener_limit=20) as server:
        async with screen(LocalLogin(server.port), size=(100, 26)) as ann:
            await ann.until("only you")
            await ann.type("/join garden")
            await ann.until(lambda text: text.startswith(" #garden"))
            ann.app.wear("dark")
            return await _talk(ann, server)


_TEXT = re.compile(
    r'<text class="(\S+)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)" clip-path="[^"]*">([^<]*)</text>'
)
_CELL, _ROW, _BASE = 12.2, 24.4, 18.5
"""Measures of Textual's drawing: a column's width, a row's height, and from a row's top to its base line."""


def _steady(found: re.Match[str]) -> str:
    """Return the same text in a form that every renderer draws alike.

    librsvg drops leading spaces, so the text is moved by their width. Lines made of box characters have gaps if the
    font is smaller than a cell, so they become rectangles.
    """
    ink, x, y, length, text = found[1], float(found[2]), float(found[3]), float(found[4]), found[5]
    if set(text) == {"│"}:
        return f'<rect class="{ink}" x="{x + _CELL / 2:.1f}" y="{y - _BASE:.1f}" width="1" height="{_ROW}"/>'
    if set(text) == {"─"}:
        return f'<rect class="{ink}" x="{x:.1f}" y="{y - _BASE + _ROW / 2:.1f}" width="{length:.1f}" height="1"/>'
    words = text
    while words.startswith("&#160;"):
        words, x, length = words.removeprefix("&#160;"), x + _CELL, length - _CELL
    return (
        found[0]
        .replace(f'x="{found[2]}"', f'x="{x:.1f}"')
        .replace(f'textLength="{found[4]}"', f'textLength="{length:.1f}"')
        .replace(f">{text}<", f">{words}<")
        if words
        else ""
    )


def main() -> None:
    """Write the picture. References to remote fonts are removed, so a viewer loads nothing from elsewhere."""
    svg = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", asyncio.run(_picture()), flags=re.DOTALL)
    svg = re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)
    svg = _TEXT.sub(_steady, svg)
    Path(sys.argv[1]).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
