"""Login and logout on the full screen: names, passwords, accounts, saved data (login_dialogs)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.client import Client
from chatctl.client.profile.profile import Profile
from chatctl.server import Server
from chatctl.tui.app import ChatApp
from tests.client.peer import eventually
from tests.tui.screens import LocalLogin, play, screen

pytestmark = pytest.mark.e2e


def test_name_is_asked_for_and_again_if_it_is_taken(server: Server, bob: Client, tmp_path: Path) -> None:
    async def story() -> None:
        service = LocalLogin(server.port)
        async with screen(service, name=None, folder=tmp_path) as ann:
            await ann.until("What should others call you?")
            await ann.until("○ waiting for your name")
            await ann.type("bob")
            await ann.until("free_name")
            await ann.press("enter")
            await ann.until("You are free_name")
            assert service.kept[0].name == "free_name"

    play(story)


def test_login_can_be_left_and_choices_are_stored(server: Server, tmp_path: Path) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port), folder=tmp_path) as ann:
            await ann.until("only you")
            await ann.type("/theme dark")
            await ann.type("/notify off")
            await ann.until("You are alerted when a message has your name: no")
            await ann.type("/theme pink")
            await ann.until("There are these: terminal, dark, light")
            await ann.press("ctrl+c")
            await ann.until("Press Ctrl-C again to leave")
            await ann.press("ctrl+c")
            eventually(lambda: ann.app._exit)

    play(story)
    memory = Profile(tmp_path)
    assert (memory.choice("theme", ""), memory.choice("notify", "")) == ("dark", "off")


def test_server_is_saved_under_a_word(server: Server) -> None:
    service = LocalLogin(server.port)

    async def story() -> None:
        async with screen(service) as ann:
            await ann.until("only you")
            await ann.type("/save")
            await ann.until("A server is saved under one word")
            await ann.type("/save work")
            await ann.until("Saved: chatctl join work enters here")

    play(story)
    assert service.words == {"work": "ann"}


def test_account_is_offered_once_and_enter_declines(server: Server, tmp_path: Path) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port), name=None, folder=tmp_path) as ann:
            await ann.until("What should others call you?")
            await ann.type("ann")
            await ann.until("Keep the name ann for you alone?")
            await ann.type("banana")  # no key but y and Enter does anything: it may be the password
            await ann.type("/register")
            await ann.until("Choose a password for ann")
            await ann.type("short")
            await ann.until("at least 6 characters")
            await ann.type("one of them")
            await ann.until("once more")
            await ann.type("two of them")
            await ann.until("The two passwords are not the same")
            await ann.type("sesame")
            await ann.until("once more")
            await ann.type("sesame")
            await ann.until("You are now logged in as ann")
            assert ann.app.client is not None
            assert ann.app.client.account == "ann"
            await ann.type("/register")
            await ann.until("You are logged in as ann; the name is yours")
        async with screen(LocalLogin(server.port), name=None, folder=tmp_path) as bob:
            await bob.until("What should others call you?")
            await bob.type("bob")
            await bob.until("Keep the name bob for you alone?")
            await bob.press("escape")
        async with screen(LocalLogin(server.port), name=None, folder=tmp_path) as bob:
            await bob.until("What should others call you?")
            await bob.type("bob")
            text = await bob.until("You are bob")
            assert "Keep the name" not in text

    play(story)


def test_internal_error_ends_the_screen_and_is_reported_after(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    apps: list[ChatApp] = []

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            apps.append(ann.app)
            await ann.until("only you")

            def broken() -> None:
                raise KeyError("a fault")

            ann.app.call_later(broken)
            await ann.until(lambda _: ann.app.problem is not None)

    with pytest.raises(KeyError):
        play(story)
    assert isinstance(apps[0].problem, KeyError)
    assert "Traceback" not in capfd.readouterr().err


def test_password_of_an_owned_name_is_asked_for(server: Server) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("only you")
            await ann.type("/register")
            await ann.until("Esc: not now")
            await ann.type("geheimgeheim")
            await ann.until("once more")
            await ann.type("geheimgeheim")
            text = await ann.until("You are now logged in as ann")
            assert "!~" not in text

    play(story)
