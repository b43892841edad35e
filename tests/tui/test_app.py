"""The full screen at a real server (chatctl/tui/app and what it is made of)."""

from __future__ import annotations

import time

import pytest

from chatctl.client import Client
from chatctl.client.timing import Timing
from chatctl.server import Server
from tests.client.peer import eventually
from tests.deadline import DEADLINE
from tests.ports import steady_port
from tests.tui.screens import LocalLogin, play, screen

pytestmark = pytest.mark.e2e


def test_two_users_talk(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("You are ann")
            bob.say("#lobby", "hello **Ann**, ann: look at https://example.org")
            text = await ann.until("[bob]: hello Ann")
            assert "»[bob]" in text
            await ann.type("hi bob")
            await ann.until(" [ann]: hi bob")
            bob.say("ann", "psst")
            await ann.until("@1")
            await ann.press("alt+a")
            await ann.until(lambda text: text.startswith(" bob") and "[bob]: psst" in text)
            await ann.press("ctrl+p")
            await ann.until(lambda text: text.startswith(" #lobby"))

    play(story)


def test_unsent_text_is_preserved_per_buffer(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            await ann.press("h", "a", "l", "f")
            bob.say("ann", "psst")
            await ann.until("@1")
            await ann.press("alt+2")
            await ann.until(lambda text: "[ann]: half" not in text)
            await ann.press("alt+1")
            await ann.until("[ann]: half")

    play(story)


def test_input_has_history_completion_and_several_lines(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            await ann.press("b", "o", "tab")
            await ann.until("[ann]: bob:")
            await ann.press("h", "i", "alt+enter", "y", "o", "u", "enter")
            await ann.until(lambda text: "[ann]: bob: hi" in text and "        you" in text)
            await ann.press("up")
            assert ann.app.query_one("#line").text == "bob: hi\nyou"  # type: ignore[attr-defined]

    play(story)


def test_pasted_lines_are_confirmed_and_sent_as_one_message(server: Server, bob: Client) -> None:
    from textual import events

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            ann.app.query_one("#line").post_message(events.Paste("one\r\n/two\r\nthree\r\n"))
            await ann.until("Send these 3 lines?")
            await ann.press("enter")
            await ann.until(lambda text: "Send these" not in text and "three" in text)

    play(story)
    heard: list[str] = []
    for event in bob.events(timeout=DEADLINE):
        if event.type == "message":
            heard.append(event.text)  # type: ignore[attr-defined]
            if event.text.endswith("three"):  # type: ignore[attr-defined]
                break
    assert "\n".join(heard) == "one\n/two\nthree"


def test_commands_show_hints_and_slips_suggestions(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port), size=(120, 24)) as ann:
            await ann.until("2 people")
            await ann.press("slash", "k", "i")
            await ann.until("/kick")
            await ann.press("ctrl+c")
            await ann.type("/topci x")
            await ann.until("did you mean /topic?")
            await ann.type("/topic be kind")
            await ann.until(lambda text: text.startswith(" #lobby  be kind"))
            await ann.type("/react +1")
            await ann.until("There is no such message")
            await ann.type("/query bob")
            await ann.until(lambda text: text.startswith(" bob"))
            await ann.type("/close")
            await ann.until(lambda text: text.startswith(" #lobby"))

    play(story)


def test_reactions_replies_and_deletions_are_shown(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            bob.say("#lobby", "shall we?")
            await ann.until("shall we?")
            await ann.type("/react +1")
            await ann.until("👍 ann")
            await ann.type("/reply yes")
            await ann.until("┌ bob: shall we?")
            [answered] = [item for item in ann.app.model.here.log.items if item.text == "shall we?"]
            assert answered.id is not None
            bob.delete("#lobby", answered.id)
            text = await ann.until("[bob]: deleted")
            assert "┌ bob: deleted" in text
            assert "shall we?" not in text

    play(story)


def test_last_message_is_the_last_visible_one(server: Server) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("only you")
            await ann.type("arrived")
            await ann.until(lambda text: " [ann]: arrived" in text)
            log = ann.app.model.here.log
            ann.app.model.say("on its way", "message", "#lobby", 99, time.time())
            await ann.type("/delete")
            await ann.until("still on its way")
            log.failed(99, "refused")
            await ann.type("/delete")
            await ann.until("/resend sends it again")
            await ann.type("/delete 2")
            await ann.until("[ann]: deleted")

    play(story)


def test_typing_users_are_shown(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            bob.typing("#lobby", "active")
            await ann.until("bob is typing")
            bob.say("#lobby", "done")
            await ann.until(lambda text: "typing" not in text)

    play(story)


def test_panels_fold_on_narrow_terminals_and_by_key(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port), size=(40, 12)) as ann:
            text = await ann.until("2 people")
            assert "▸" not in text
            await ann.press("f7")
            await ann.until("▸1 #lobby")
            await ann.press("f8")
            await ann.until(lambda text: "│  bob" in text and "▸" not in text)
            await ann.pilot.resize_terminal(120, 30)
            await ann.until(lambda text: "▸1 #lobby" in text and "│  bob" in text)
            for width in (1, 3, 200, 8, 20, 2, 100):
                await ann.pilot.resize_terminal(width, max(1, width // 4))
            await ann.until("You are ann")

    play(story)


def test_history_is_paged_to_its_beginning(server: Server, bob: Client) -> None:
    for number in range(250):
        bob.say("#lobby", f"line {number}", timeout=None)
    assert bob.flush(DEADLINE)

    async def story() -> None:
        async with screen(LocalLogin(server.port), size=(60, 14)) as ann:
            await ann.until("line 249")
            for _ in range(60):
                await ann.press("pageup")
                if "the beginning" in ann.text():
                    break
                await ann.pilot.pause(0.02)
            await ann.until(lambda text: "the beginning" in text or "line 0\n" in text)
            bob.say("#lobby", "news")
            await ann.until("below (Esc)")
            assert "news" not in ann.text()
            await ann.press("escape")
            await ann.until("news")

    play(story)


def test_search_result_is_jumped_to(server: Server, bob: Client) -> None:
    bob.say("#lobby", "the secret ingredient is cardamom")
    for number in range(120):
        bob.say("#lobby", f"line {number}", timeout=None)
    assert bob.flush(DEADLINE)

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("line 119")
            await ann.press("ctrl+f")
            await ann.until("Search")
            await ann.type("cardamom")
            await ann.until("1 found")
            await ann.press("enter")
            await ann.until(lambda text: "the past" in text and "[bob]: the secret ingredient" in text)
            await ann.press("escape")
            await ann.until("line 119")

    play(story)


def test_connection_loss_is_visible_and_typed_messages_arrive(bob: Client) -> None:
    with Server(port=steady_port()) as first:
        port = first.port
        # The pauses between two tries double up to 30 seconds: the slower the typing, the later it would arrive.
        service = LocalLogin(port, timing=Timing(longest_pause=1.0))

        async def story() -> None:
            async with screen(service) as ann:
                await ann.until("You are ann")
                first.stop()
                await ann.until("no connection, trying again")
                await ann.type("typed meanwhile")
                await ann.until("…[ann]: typed meanwhile")
                with Server(port=port):
                    await ann.until(" [ann]: typed meanwhile")
                    await ann.until("connected")

        play(story)


def test_status_line_follows_the_current_buffer(server: Server, bob: Client) -> None:
    for number in range(60):
        bob.say("#lobby", f"line {number}", timeout=None)
    assert bob.flush(DEADLINE)

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("line 59")
            await ann.press("pageup")
            await ann.until("below (Esc)")
            await ann.press("escape")
            assert "below" not in ann.text()

    play(story)


def test_help_is_a_dialog_and_not_in_the_conversation(server: Server) -> None:
    async def story() -> None:
        async with screen(LocalLogin(server.port), size=(40, 12)) as ann:
            await ann.until("only you")
            await ann.type("/help")
            await ann.until("Commands")
            await ann.press("end")
            text = await ann.until("/quit [REASON]")
            assert "  Leave the chat." in text
            await ann.press("escape")
            await ann.until(lambda text: "/quit" not in text and "only you" in text)
            await ann.type("/help me")
            await ann.until("/me TEXT")

    play(story)


def test_typing_in_a_moderated_room_causes_no_error(server: Server) -> None:
    async def story() -> None:
        with Client(port=server.port, name="op", secret="op's", rooms=["#quiet"]) as op:
            eventually(lambda: "#quiet" in op.rooms)
            op.send_raw("MODE", "#quiet", "+m")
            async with screen(LocalLogin(server.port)) as ann:
                await ann.until("You are ann")
                await ann.type("/join #quiet")
                await ann.until("#quiet    ")
                await ann.press("h", "i")
                client = ann.app.client
                assert client is not None
                assert client.flush(DEADLINE)
                await ann.pilot.pause()
                assert "Not sent" not in ann.text()
                await ann.press("enter")
                await ann.until("not delivered: Not sent to #quiet")
                op.send_raw("MODE", "#quiet", "-m")
                await ann.until("op let all members speak in #quiet again")
                await ann.type("/resend")
                await ann.until(lambda text: " [ann]: hi" in text and "not delivered" not in text)

    play(story)


def test_very_long_paste_is_confirmed_and_never_in_the_input(server: Server, bob: Client) -> None:
    from textual import events

    async def story() -> None:
        async with screen(LocalLogin(server.port)) as ann:
            await ann.until("2 people")
            ann.app.query_one("#line").post_message(events.Paste("words " * 2000))
            await ann.until("Send this text of 12000 characters?")
            await ann.press("escape")
            assert ann.app.query_one("#line").text == ""  # type: ignore[attr-defined]
            ann.app.query_one("#line").post_message(events.Paste("words " * 1000 + "done"))
            await ann.until("Send this text of 6004 characters?")
            await ann.press("enter")
            await ann.until(lambda text: "words done" in text and "Send" not in text)

    play(story)
