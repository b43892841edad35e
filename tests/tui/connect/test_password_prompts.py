"""Nothing typed where a password is asked for becomes a message (tui/connect/login_dialogs, offering, overlays)."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from chatctl.chat.entries import proposals as p
from chatctl.chat.model.cloak import token_hash
from chatctl.chat.model.ids import NO_SESSION
from chatctl.client import Client
from chatctl.client import events as e
from chatctl.client.login.account_login import AccountLogin
from chatctl.protocol import scram
from chatctl.server import Server
from chatctl.tui.widgets.input import MessageInput
from tests.tui.screens import LocalLogin, Screen, play, screen

pytestmark = pytest.mark.e2e

PASSWORD = "hunter22"


def prepare(server: Server) -> None:
    """An account, eve, and an invitation whose token is "token"."""
    hub, loop, done = server._hub, server._loop, threading.Event()
    assert hub is not None
    assert loop is not None
    verifier = str(scram.make(PASSWORD, b"salt", 4096))

    def ask() -> None:
        hub.admin_requests.ask(p.AddAccount(NO_SESSION, "", "eve", verifier, "control"), lambda ok, text: None)
        hub.admin_requests.ask(
            p.AddInvitation(NO_SESSION, "", token_hash("token"), 1, 1 << 60, "", "control"), lambda ok, text: done.set()
        )

    loop.call(ask)
    assert done.wait(10)


class SlowLogin(LocalLogin):
    """A login to an account, or by an invitation, that waits for `may_enter`."""

    def __init__(self, port: int, token: str = "") -> None:
        super().__init__(port)
        self.token = token
        self.login: AccountLogin | None = None
        self.passwords: list[str] = []
        self.may_enter = threading.Event()
        self.may_enter.set()

    def create_client(self, name: str, password: str | None) -> Client:
        assert self.may_enter.wait(20)
        return Client(port=self.port, name=name, secret=f"secret of {name}", attentive=True, login=self.login)

    @property
    def invited(self) -> bool:  # type: ignore[override]
        return bool(self.token) and self.login is None

    @property
    def creates_account(self) -> bool:  # type: ignore[override]
        return bool(self.token)

    def log_in(self, name: str, password: str) -> None:
        self.passwords.append(password)
        self.login = AccountLogin(name, password, self.token)


def said(bob: Client) -> list[str]:
    """Return the output of bob up to his own message."""
    bob.say("#lobby", "the end")
    texts = []
    for event in bob.events(timeout=20):
        if isinstance(event, e.RoomMessage):
            texts.append(event.text)
            if event.own:
                break
    return texts


async def at_once(ann: Screen, *lines: str) -> None:
    """Lines typed without looking, all in one go."""
    await ann.press(*(key for line in lines for key in (*line, "enter")))


def test_invitation_asks_for_the_new_password_twice(server: Server, bob: Client) -> None:
    prepare(server)
    service = SlowLogin(server.port, "token")

    async def story() -> None:
        async with screen(service) as ann:
            await ann.until("Choose a password for ann")
            await ann.type(PASSWORD)
            await ann.until("once more")
            assert service.passwords == []
            await ann.type("another")
            await ann.until("The two passwords are not the same")
            await ann.until("Choose a password for ann")
            await ann.type(PASSWORD)
            text = await ann.until("once more")
            assert "The two passwords are not the same" not in text
            await ann.type(PASSWORD)
            await ann.until("You are ann")
            assert ann.app.client is not None
            assert ann.app.client.account == "ann"

    play(story)
    assert service.passwords == [PASSWORD]
    assert said(bob) == ["the end"]


def test_refused_new_password_is_asked_for_twice_again(server: Server, bob: Client) -> None:
    prepare(server)

    async def story() -> None:
        async with screen(SlowLogin(server.port, "token")) as ann:
            await ann.until("Choose a password for ann")
            await at_once(ann, "abc", "abc")
            await ann.until("at least 6 characters")
            await ann.until("Choose a password for ann")
            await at_once(ann, PASSWORD, PASSWORD)
            await ann.until("You are ann")

    play(story)
    assert said(bob) == ["the end"]


def test_password_repeated_while_logging_in_is_dropped(server: Server, bob: Client) -> None:
    prepare(server)
    service = SlowLogin(server.port)

    async def story() -> None:
        async with screen(service, name="eve") as eve:
            await eve.until("The name eve belongs to another user")
            service.may_enter.clear()
            await at_once(eve, PASSWORD, PASSWORD, PASSWORD)
            service.may_enter.set()
            await eve.until("You are eve")
            assert eve.app.query_one(MessageInput).text == ""
            await eve.type("hello")
            await eve.until("[eve]: hello")

    play(story)
    assert said(bob) == ["hello", "the end"]


def test_password_repeated_later_is_not_sent(server: Server, bob: Client) -> None:
    prepare(server)

    async def story() -> None:
        async with screen(SlowLogin(server.port), name="eve") as eve:
            await eve.until("The name eve belongs to another user")
            await eve.type(PASSWORD)
            await eve.until("You are eve")
            for line in (PASSWORD, f" {PASSWORD} ", f"/msg bob {PASSWORD}"):
                await eve.type(line)
                await eve.until("That is your password, so it was not sent")
            await eve.type(f"{PASSWORD} is no word")
            await eve.until("is no word")

    play(story)
    assert said(bob) == [f"{PASSWORD} is no word", "the end"]


def test_wrong_password_is_dropped_with_the_keys_after_it(server: Server, bob: Client) -> None:
    prepare(server)

    async def story() -> None:
        async with screen(SlowLogin(server.port), name="eve") as eve:
            await eve.until("The name eve belongs to another user")
            await at_once(eve, "wrong-one", "wrong-two")
            await eve.until(lambda text: "belongs to another user" in text and "failed" in text.lower())
            await at_once(eve, PASSWORD)
            await eve.until("You are eve")
            assert eve.app.query_one(MessageInput).text == ""

    play(story)
    assert said(bob) == ["the end"]


def test_text_typed_at_the_account_offer_is_dropped(server: Server, bob: Client, tmp_path: Path) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port), name=None, folder=tmp_path) as ann:
            await ann.until("What should others call you?")
            await ann.type("ann")
            await ann.until("Keep the name ann for you alone?")
            await ann.press(*"banana", "enter")
            await ann.until("You are ann")
            assert ann.app.query_one(MessageInput).text == ""
            await ann.type("/register")
            await ann.until("Choose a password for ann")
            await at_once(ann, PASSWORD, PASSWORD)
            await ann.until("You are now logged in as ann")
            assert ann.app.query_one(MessageInput).text == ""

    play(story)
    assert said(bob) == ["the end"]
