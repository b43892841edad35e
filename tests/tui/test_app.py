"""The full screen at a real server (chatctl/tui/app and what it is made of)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatctl.client import Client
from chatctl.client.memory import Memory
from chatctl.server import Server
from chatctl.tui.app import ChatApp
from chatctl.tui.being import IDLE, UNWATCHED
from tests.client.peer import eventually
from tests.tui.screens import Door, play, screen


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0) as running:
        yield running


@pytest.fixture
def bob(server: Server) -> Iterator[Client]:
    with Client(port=server.port, name="bob", secret="bob's", attentive=True) as client:
        yield client


def test_two_people_talk(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
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


def test_what_one_types_is_not_lost_when_one_looks_elsewhere(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            await ann.press("h", "a", "l", "f")
            bob.say("ann", "psst")
            await ann.until("@1")
            await ann.press("alt+2")
            await ann.until(lambda text: "[ann]: half" not in text)
            await ann.press("alt+1")
            await ann.until("[ann]: half")

    play(story)


def test_a_name_is_asked_for_and_another_one_where_it_is_taken(server: Server, bob: Client, tmp_path: Path) -> None:
    async def story() -> None:
        door = Door(server.port)
        async with screen(door, name=None, folder=tmp_path) as ann:
            await ann.until("What should others call you?")
            await ann.type("bob")
            await ann.until("free_name")
            await ann.press("enter")
            await ann.until("You are free_name")
            assert door.kept[0].name == "free_name"

    play(story)


def test_own_lines_completion_and_several_lines(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            await ann.press("b", "o", "tab")
            await ann.until("[ann]: bob:")
            await ann.press("h", "i", "alt+enter", "y", "o", "u", "enter")
            await ann.until(lambda text: "[ann]: bob: hi" in text and "        you" in text)
            await ann.press("up")
            assert ann.app.query_one("#line").text == "bob: hi\nyou"  # type: ignore[attr-defined]

    play(story)


def test_pasted_lines_are_asked_about_and_go_as_one(server: Server, bob: Client) -> None:
    from textual import events

    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            ann.app.query_one("#line").post_message(events.Paste("one\r\n/two\r\nthree\r\n"))
            await ann.until("Send these 3 lines?")
            await ann.press("enter")
            await ann.until(lambda text: "Send these" not in text and "three" in text)

    play(story)
    heard = [event.text for event in bob.events(timeout=0.5) if event.type == "message"]  # type: ignore[attr-defined]
    assert "\n".join(heard) == "one\n/two\nthree"


def test_commands_hints_and_slips(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port), size=(120, 24)) as ann:
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


def test_reactions_replies_and_deleting(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            bob.say("#lobby", "shall we?")
            await ann.until("shall we?")
            await ann.type("/react +1")
            await ann.until("👍 ann")
            await ann.type("/reply yes")
            await ann.until("┌ bob: shall we?")

    play(story)


def test_who_types_is_seen(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            bob.typing("#lobby", "active")
            await ann.until("bob is typing")
            bob.say("#lobby", "done")
            await ann.until(lambda text: "typing" not in text)

    play(story)


def test_panels_fold_away_on_narrow_terminals_and_by_key(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port), size=(40, 12)) as ann:
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


def test_history_comes_page_by_page_as_far_as_it_goes(server: Server, bob: Client) -> None:
    for number in range(250):
        bob.say("#lobby", f"line {number}", timeout=None)
    assert bob.flush(10)

    async def story() -> None:
        async with screen(Door(server.port), size=(60, 14)) as ann:
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


def test_search_and_jump(server: Server, bob: Client) -> None:
    bob.say("#lobby", "the secret ingredient is cardamom")
    for number in range(120):
        bob.say("#lobby", f"line {number}", timeout=None)
    assert bob.flush(10)

    async def story() -> None:
        async with screen(Door(server.port)) as ann:
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


def test_a_break_is_visible_and_what_is_typed_arrives(bob: Client) -> None:
    with Server(port=0) as first:
        port = first.port

        async def story() -> None:
            async with screen(Door(port)) as ann:
                await ann.until("You are ann")
                first.stop()
                await ann.until("no connection, trying again")
                await ann.type("typed meanwhile")
                await ann.until("…[ann]: typed meanwhile")
                with Server(port=port):
                    await ann.until(" [ann]: typed meanwhile")
                    await ann.until("connected")

        play(story)


def test_leaving_and_choices(server: Server, tmp_path: Path) -> None:
    async def story() -> None:
        async with screen(Door(server.port), folder=tmp_path) as ann:
            await ann.until("only you")
            await ann.type("/theme dark")
            await ann.type("/notify off")
            await ann.until("You are called when somebody names you: no")
            await ann.type("/theme pink")
            await ann.until("There are these: terminal, dark, light")
            await ann.press("ctrl+c")
            await ann.until("Press Ctrl-C again to leave")
            await ann.press("ctrl+c")
            eventually(lambda: ann.app._exit)

    play(story)
    memory = Memory(tmp_path)
    assert (memory.choice("theme", ""), memory.choice("notify", "")) == ("dark", "off")


def test_a_server_is_saved_under_a_word(server: Server) -> None:
    door = Door(server.port)

    async def story() -> None:
        async with screen(door) as ann:
            await ann.until("only you")
            await ann.type("/save")
            await ann.until("A server is saved under one word")
            await ann.type("/save work")
            await ann.until("Saved: chatctl join work enters here")

    play(story)
    assert door.words == {"work": "ann"}


def test_an_account_is_offered_once_and_no_is_what_enter_says(server: Server, tmp_path: Path) -> None:
    async def story() -> None:
        async with screen(Door(server.port), name=None, folder=tmp_path) as ann:
            await ann.until("What should others call you?")
            await ann.type("ann")
            await ann.until("Keep the name ann for you alone?")
            await ann.type("hi there")
            await ann.until("[ann]: hi there")
            await ann.type("/register")
            await ann.until("Choose a password for ann")
            await ann.type("one")
            await ann.until("once more")
            await ann.type("two")
            await ann.until("These were not the same")
            await ann.type("sesame")
            await ann.until("once more")
            await ann.type("sesame")
            await ann.until("You are now logged in as ann")
            assert ann.app.client is not None
            assert ann.app.client.account == "ann"
            await ann.type("/register")
            await ann.until("You are logged in as ann; the name is yours")
        async with screen(Door(server.port), name=None, folder=tmp_path) as bob:
            await bob.until("What should others call you?")
            await bob.type("bob")
            await bob.until("Keep the name bob for you alone?")
            await bob.press("escape")
        async with screen(Door(server.port), name=None, folder=tmp_path) as bob:
            await bob.until("What should others call you?")
            await bob.type("bob")
            text = await bob.until("You are bob")
            assert "Keep the name" not in text

    play(story)


def test_a_fault_ends_the_screen_and_is_told_outside(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    apps: list[ChatApp] = []

    async def story() -> None:
        async with screen(Door(server.port)) as ann:
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


def test_after_coming_back_the_line_is_where_one_left_off(server: Server, bob: Client) -> None:
    door = Door(server.port)
    bob.join("#dev")
    eventually(lambda: "#dev" in bob.rooms)

    async def first() -> None:
        async with screen(door) as ann:
            await ann.until("2 people")
            await ann.type("/join #dev")
            await ann.until("#dev     ")
            bob.say("#dev", "read in dev")
            await ann.until("read in dev")
            await ann.press("alt+1")
            bob.say("#lobby", "read by ann")
            await ann.until("read by ann")
            ann.app.desk.mark_read()
            eventually(lambda: ann.app.client is not None and ann.app.client.flush(5))

    async def second() -> None:
        async with screen(door, size=(80, 40)) as ann:
            text = await ann.until("missed 29")
            await ann.until(lambda text: _after(text, "new") == "missed 0")
            await ann.type("/join #dev")
            text = await ann.until("ann: dev, please")
            assert _after(text, "new") == "ann: dev, please"

    play(first)
    for number in range(30):  # more than a first look shows
        bob.say("#lobby", f"missed {number}", timeout=None)
    bob.say("#dev", "ann: dev, please")
    assert bob.flush(10)
    play(second)


def _after(text: str, ruled: str) -> str:
    """What is said on the row below a line across."""
    rows = text.split("\n")
    at = next((number for number, row in enumerate(rows) if f" {ruled} ─" in row), None)
    return rows[at + 1].partition("]: ")[2] if at is not None else ""


def test_the_lower_line_follows_where_one_is(server: Server, bob: Client) -> None:
    for number in range(60):
        bob.say("#lobby", f"line {number}", timeout=None)
    assert bob.flush(10)

    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("line 59")
            await ann.press("pageup")
            await ann.until("below (Esc)")
            await ann.press("escape")
            assert "below" not in ann.text()

    play(story)


def test_help_is_read_over_the_screen_and_not_in_the_conversation(server: Server) -> None:
    async def story() -> None:
        async with screen(Door(server.port), size=(40, 12)) as ann:
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


def test_typing_where_one_may_not_speak_is_nobodys_business(server: Server) -> None:
    async def story() -> None:
        with Client(port=server.port, name="op", secret="op's", rooms=["#quiet"]) as op:
            eventually(lambda: "#quiet" in op.rooms)
            op.send_raw("MODE", "#quiet", "+m")
            async with screen(Door(server.port)) as ann:
                await ann.until("You are ann")
                await ann.type("/join #quiet")
                await ann.until("#quiet    ")
                await ann.press("h", "i")
                client = ann.app.client
                assert client is not None
                assert client.flush(5)
                await ann.pilot.pause()
                assert "Not sent" not in ann.text()
                await ann.press("enter")
                await ann.until("not delivered: Not sent to #quiet")
                op.send_raw("MODE", "#quiet", "-m")
                await ann.until("op let everybody speak in #quiet again")
                await ann.type("/resend")
                await ann.until(lambda text: " [ann]: hi" in text and "not delivered" not in text)

    play(story)


def test_a_password_for_ones_name(server: Server) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("only you")
            await ann.type("/register")
            await ann.until("Esc: not now")
            await ann.type("geheimgeheim")
            await ann.until("once more")
            await ann.type("geheimgeheim")
            text = await ann.until("You are now logged in as ann")
            assert "!~" not in text

    play(story)


def test_private_conversations_are_there_again_with_what_one_has_not_read(server: Server, bob: Client) -> None:
    door = Door(server.port)

    async def first() -> None:
        async with screen(door) as ann:
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
        async with screen(door) as ann:
            await ann.until("@1 elsewhere")
            assert ann.text().startswith(" #lobby ")
            await ann.press("alt+a")
            text = await ann.until(lambda text: text.startswith(" bob ") and "[bob]: not read" in text)
            assert "[bob]: read by ann" in text
            assert _after(text, "new") == "not read"

    play(first)
    play(second)


def test_who_reads_is_not_idle(server: Server) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("only you")
            being, client = ann.app.being, ann.app.client
            assert being is not None
            assert client is not None
            for touch in (ann.press("pageup"), ann.wheel(30, 8, up=True), ann.press("f7"), ann.press("x")):
                being._touched -= 2 * IDLE
                await touch
                being.tick(away=False)
                assert client.flush(5)
                assert not client.is_away("ann")
            being._touched -= 2 * IDLE
            being.tick(away=False)
            await ann.until("away (/back)")
            await ann.press("pagedown")
            await ann.until("connected")

    play(story)


def test_a_very_long_paste_is_asked_about_and_never_in_the_line(server: Server, bob: Client) -> None:
    from textual import events

    async def story() -> None:
        async with screen(Door(server.port)) as ann:
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


def test_what_comes_while_nobody_is_there_is_unread(server: Server, bob: Client) -> None:
    async def story() -> None:
        async with screen(Door(server.port)) as ann:
            await ann.until("2 people")
            bob.say("#lobby", "seen")
            await ann.until("[bob]: seen")
            assert ann.app.being is not None
            ann.app.being._touched -= UNWATCHED
            ann.app._tick()
            bob.say("#lobby", "nobody sees this")
            text = await ann.until("nobody sees this")
            assert _after(text, "new") == "nobody sees this"
            assert ann.app.desk.here.unread == 1
            ann.app.desk.mark_read()
            assert ann.app.desk.here.read_until is None or ann.app.desk.here.log.items[-1].time > (
                ann.app.desk.here.read_until.timestamp()
            )
            await ann.press("pagedown")
            text = await ann.until(lambda _: ann.app.desk.here.unread == 0)
            assert _after(text, "new") == "nobody sees this", "the line stays, so that one sees where to go on"

    play(story)
