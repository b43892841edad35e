"""The full screen without a terminal: its text, keys, and waiting for events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual import events
from textual.pilot import Pilot

from chatctl.client.client import Client
from chatctl.client.errors import InputError
from chatctl.client.name_check import NameCheck
from chatctl.client.profile.profile import Profile, SavedVisit
from chatctl.client.timing import Timing
from chatctl.client.transport.trust import UnknownServerError
from chatctl.tui.app import ChatApp
from chatctl.tui.connect.event_queue import EventQueue
from chatctl.tui.connect.login_worker import LoginWorker
from chatctl.tui.render.cell_width import text_of, width_of
from tests.wire import DEADLINE


class LocalLogin:
    """Logs in to a server on this machine (:class:`chatctl.tui.connect.login_worker.LoginService`)."""

    room = "#lobby"

    def __init__(self, port: int, secret: str = "", timing: Timing | None = None) -> None:
        self.port = port
        self.timing = timing
        self.address = f"127.0.0.1:{port}"
        self.secret = secret
        self.kept: list[SavedVisit] = []
        self.words: dict[str, str] = {}

    def create_client(self, name: str, password: str | None) -> Client:
        secret = self.secret or f"secret of {name}"
        return Client(port=self.port, name=name, password=password, secret=secret, attentive=True, timing=self.timing)

    def check_reachable(self) -> None:
        with NameCheck("127.0.0.1", self.port):
            pass

    def suggest_names(self, name: str) -> tuple[str, ...]:
        return ("free_name",)

    def trust_server(self, unknown: UnknownServerError) -> None:
        return

    invited = creates_account = False

    def log_in(self, name: str, password: str) -> None:
        return

    def needs_login(self, name: str) -> bool:
        return False

    def log_in_with_saved_password(self, name: str) -> bool:
        return False

    def continue_as_guest(self) -> None:
        return

    def record_login(self, client: Client) -> None:
        self.kept.append(SavedVisit("127.0.0.1", self.port, client.name, self.room))

    def save_server(self, client: Client, word: str) -> None:
        if not word:
            raise InputError("A server is saved under one word, such as work")
        self.words[word] = client.name


class Screen:
    """An application that runs, and the hands on it."""

    def __init__(self, app: ChatApp, pilot: Pilot[str]) -> None:
        self.app = app
        self.pilot = pilot

    def rows(self) -> list[str]:
        """Return the text on the screen."""
        strips = self.app.screen._compositor.render_strips()  # what Textual's own pictures are made of
        return [text_of(row).rstrip() for row in strips]

    def text(self) -> str:
        return "\n".join(self.rows())

    async def until(self, question: Callable[[str], bool] | str) -> str:
        """The screen, as soon as it holds this, or the answer is yes."""
        end = time.monotonic() + DEADLINE
        while True:
            await self.pilot.pause()
            text = self.text()
            if question in text if isinstance(question, str) else question(text):
                return text
            assert time.monotonic() < end, text
            await asyncio.sleep(0.01)

    async def type(self, text: str) -> None:
        """Type a line and press Enter."""
        await self.pilot.press(*(_KEYS.get(character, character) for character in text), "enter")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def click(self, text: str, column: int = 0) -> None:
        """Click on this text, at or right of a column."""
        for y, row in enumerate(self.rows()):
            at = row.find(text, column)
            if at >= 0:
                await self.pilot.click(offset=(width_of(row[:at]), y))
                return
        raise AssertionError(f"{text} is not there:\n{self.text()}")

    async def wheel(self, x: int, y: int, *, up: bool, turns: int = 1) -> None:
        """Turn the wheel over a place."""
        kind = events.MouseScrollUp if up else events.MouseScrollDown
        for _ in range(turns):
            self.app.post_message(kind(None, x, y, 0, 0, 0, False, False, False, screen_x=x, screen_y=y))
            await self.pilot.pause()


_KEYS = {" ": "space", "/": "slash", "#": "number_sign", ":": "colon", "?": "question_mark", "+": "plus", "-": "minus"}


@asynccontextmanager
async def screen(
    service: LocalLogin, name: str | None = "ann", size: tuple[int, int] = (80, 24), folder: Path | None = None
) -> AsyncIterator[Screen]:
    """The application at this server."""
    login_worker = LoginWorker(service, EventQueue())
    login_worker.begin(name)
    app = ChatApp(login_worker, Profile(folder) if folder is not None else None, look="terminal")
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Screen(app, pilot)
    finally:
        if app.client is not None:
            app.client.stop()


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story to its end."""

    async def told() -> None:
        await story()

    asyncio.run(told())
