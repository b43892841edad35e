"""Keys pressed before there is somewhere for them to go (chatctl/tui/connect/enter_gate, output, arrival)."""

from __future__ import annotations

import os
import pty
import termios
import tty
from time import monotonic

import pytest

from chatctl.client import Client
from chatctl.client import events as e
from chatctl.client.slash import table
from chatctl.server import Server
from chatctl.tui.terminal.output import typed_ahead
from tests.tui.connect.test_password_prompts import PASSWORD, SlowLogin, prepare
from tests.tui.screens import LocalLogin, play, screen
from tests.tui.terminal.test_key_order import burst, heard, written

pytestmark = pytest.mark.e2e

REGISTERS = f"/register\r{PASSWORD}\r{PASSWORD}\r"


def test_lines_typed_while_connecting_run_in_order_after_registration(server: Server, bob: Client) -> None:
    service = SlowLogin(server.port)
    service.may_enter.clear()

    async def story() -> None:
        async with screen(service) as ann:
            burst(ann, f"hello\r{REGISTERS}done\r")
            await ann.until(lambda _: written(ann) == "hello")
            service.may_enter.set()
            await ann.until("You are now logged in as ann")
            await ann.until("[ann]: done")

    play(story)
    assert heard(bob, "done") == ["hello", "done"]


def test_interrupt_while_connecting_discards_typed_lines(server: Server, bob: Client) -> None:
    service = SlowLogin(server.port)
    service.may_enter.clear()

    async def story() -> None:
        async with screen(service) as ann:
            burst(ann, "gone\rgone too\r\x03here\r")
            await ann.until(lambda _: written(ann) == "here")
            service.may_enter.set()
            await ann.until("[ann]: here")

    play(story)
    assert heard(bob, "here") == ["here"]


def test_text_typed_before_a_question_is_not_its_answer(server: Server, bob: Client) -> None:
    prepare(server)
    service = SlowLogin(server.port)
    service.may_enter.clear()

    async def story() -> None:
        async with screen(service, name="eve") as eve:
            burst(eve, "hello\rsecret words\r")
            await eve.until(lambda _: written(eve) == "hello")
            service.may_enter.set()
            await eve.until("The name eve belongs to another user")
            await eve.pilot.pause()
            assert service.passwords == []
            burst(eve, f"{PASSWORD}\r")
            await eve.until("You are eve")
            assert written(eve) == ""
            await eve.type("end")
            await eve.until("[eve]: end")

    play(story)
    assert heard(bob, "end") == ["end"]


def test_line_begun_while_logging_in_is_dropped_to_its_end(server: Server, bob: Client) -> None:
    prepare(server)
    service = SlowLogin(server.port)

    async def story() -> None:
        async with screen(service, name="eve") as eve:
            await eve.until("The name eve belongs to another user")
            service.may_enter.clear()
            burst(eve, f"{PASSWORD}\rhunt")
            await eve.until(lambda _: len(eve.app.screen_stack) == 1)
            await eve.pilot.pause()
            service.may_enter.set()
            await eve.until("You are eve")
            burst(eve, "er22\rhello\r")
            await eve.until("[eve]: hello")

    play(story)
    assert heard(bob, "hello") == ["hello"]


@pytest.mark.parametrize("command", ["/register", "/regsiter", "/regist", "/login", "/register\nx"])
def test_refused_command_drops_a_following_password(server: Server, bob: Client, command: str) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            if "\n" in command:
                ann.app.do(command)
                await ann.until("No password is asked for")
            elif command == "/register":
                burst(ann, f"{REGISTERS}")
                await ann.until("You are now logged in as ann")
                burst(ann, REGISTERS)
            else:
                burst(ann, f"{command}\r{PASSWORD}\r{PASSWORD}\r")
            await ann.until("No password is asked for")
            assert written(ann) == ""
            burst(ann, "\x1b")
            await ann.until(lambda _: len(ann.app.screen_stack) == 1)
            burst(ann, "hello\r")
            await ann.until("[ann]: hello")

    play(story)
    assert heard(bob, "hello") == ["hello"]


def test_line_after_join_goes_to_the_new_room(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            burst(ann, "/join #dev\rhello dev\r/join #lobby\rback\r")
            await ann.until("[ann]: back")
            assert [buffer.name for buffer in ann.app.model.buffers if "hello dev" in str(buffer.log.items)] == ["#dev"]

    play(story)
    assert heard(bob, "back") == ["back"]


def test_line_of_another_room_does_not_follow_a_late_join(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            burst(ann, "/query bob\r\x0e")
            await ann.until(lambda text: text.startswith(" #lobby"))
            ann.app.model.go_to("#slow", monotonic())  # as /join does; the answer is still to come
            burst(ann, "\x0eprivately\r")
            await ann.until("[ann]: privately")
            assert ann.app.model.here.name == "bob"
            ann.app.do("/join #slow")
            burst(ann, "slowly\r")
            await ann.until("[ann]: slowly")
            assert ann.app.model.here.name == "#slow"

    play(story)


def test_line_after_a_refused_join_is_not_sent_elsewhere(server: Server, bob: Client) -> None:
    bob.join("#closed")
    for event in bob.events(timeout=20):
        if isinstance(event, e.Joined) and event.room == "#closed":
            break
    bob.send_raw("MODE", "#closed", "+i")

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            burst(ann, "/join #closed\rsecret\rmore\r")
            await ann.until("invit")
            await ann.until(lambda _: written(ann) == "secret")
            burst(ann, "\x15hello\r")
            await ann.until("[ann]: hello")

    play(story)
    assert heard(bob, "hello") == ["hello"]


def test_enter_before_the_terminal_is_raw_stays_enter() -> None:
    ours, terminal = pty.openpty()
    os.write(ours, b"/register\rh\xc3\xa4lf")
    before, slash_adapter = typed_ahead(terminal)
    assert slash_adapter == "/register\rhälf"
    assert before is not None
    assert before[tty.IFLAG] & termios.ICRNL
    os.close(ours)
    os.close(terminal)


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("/register", True),
        ("/REGISTER x", True),
        ("/registr", True),
        ("/reg", True),
        ("/login", True),
        ("/react +1", False),
        ("/re", False),
        ("//register", False),
        ("register", False),
        ("", False),
    ],
)
def test_commands_that_a_password_may_follow_are_known(line: str, asks: bool) -> None:
    assert table.asks_password(line) is asks
