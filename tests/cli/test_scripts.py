"""send, tail, rooms, users: real processes at a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatctl.cli.commands.tail import new_messages
from chatctl.client import Client
from chatctl.client import events as e
from chatctl.server import Server, TlsConfig
from tests.client.peer import WELCOME, Peer, Talk
from tests.wire import DEADLINE

pytestmark = pytest.mark.e2e

COMMAND = [sys.executable, "-m", "chatctl"]


NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with Server(port=0, listener_limit=20) as running:
        monkeypatch.setenv("CHATCTL_PORT", str(running.port))
        yield running


@pytest.fixture
def ann(server: Server) -> Iterator[Client]:
    with Client(port=server.port, name="ann", secret="ann's", rooms=["#builds", "#tea"]) as client:
        yield client


def run(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], input=given or "", capture_output=True, text=True, timeout=DEADLINE * 2, check=False
    )


def heard(ann: Client, count: int) -> list[str]:
    found: list[str] = []
    for event in ann.events(timeout=DEADLINE):
        if isinstance(event, e.RoomMessage | e.PrivateMessage):
            found.append(event.text)
            if len(found) == count:
                break
    return found


def test_piped_lines_arrive_in_order(ann: Client) -> None:
    lines = [f"line {number}" for number in range(300)]
    done = run("send", "#builds", "--name", "ci", given="\n".join(lines))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert heard(ann, 300) == lines


@pytest.mark.parametrize("given", ["", "\n\n"])
@pytest.mark.parametrize("whole", [(), ("--whole",)], ids=["lines", "whole"])
def test_empty_input_sends_nothing_and_is_reported(ann: Client, whole: tuple[str, ...], given: str) -> None:
    done = run("send", "#builds", *whole, "--name", "ci", given=given)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "chatctl: Nothing was sent: the input is empty\n"


def test_text_is_sent_to_a_room_or_a_person(ann: Client) -> None:
    assert run("send", "#builds", "all green", "--name", "ci").returncode == 0
    assert run("send", "ann", "psst", "--name", "ci").returncode == 0
    assert run("send", "#builds", "two", "words", "--name", "ci").returncode == 0
    assert heard(ann, 3) == ["all green", "psst", "two words"]


def test_whole_input_is_one_message(ann: Client) -> None:
    assert run("send", "#builds", "--whole", "--name", "ci", given="one\n/two\n\nthree\n").returncode == 0
    assert heard(ann, 1) == ["one\n/two\n\nthree"]


def test_send_exit_codes_tell_the_failures_apart(server: Server) -> None:
    assert run("send", "#builds", "hi").returncode == 2  # no name
    assert run("send", "#builds", "hi", "--name", "ci", "--port", "1").returncode == 4
    refused = run("send", "nobody", "hi", "--name", "ci")
    assert refused.returncode == 5
    assert refused.stdout == ""
    assert "nobody" in refused.stderr
    assert "to send to the room: chatctl send '#nobody'" in refused.stderr
    empty = run("send", "#builds", "", "--name", "ci")  # a script's variable that is not set
    assert (empty.returncode, empty.stderr) == (2, "chatctl: The text must not be empty\n")


def test_send_gives_up_on_a_server_that_confirms_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from chatctl.cli import script_sending as sending

    class Stuck:
        waiting = 1

    patience = sending.Patience(Stuck())  # type: ignore[arg-type]
    assert not patience()
    monkeypatch.setattr(sending, "PATIENCE_SECONDS", 0.0)
    assert patience()


def test_tail_prints_the_last_messages(ann: Client) -> None:
    for number in range(30):
        ann.say("#builds", f"line {number}", timeout=None)
    assert ann.flush(DEADLINE)
    done = run("tail", "#builds", "--limit", "3")
    assert [line.split(" ", 2)[2] for line in done.stdout.splitlines()] == [f"[ann]: line {n}" for n in (27, 28, 29)]
    as_json = run("tail", "#builds", "-n", "2", "--json")
    assert [json.loads(line)["text"] for line in as_json.stdout.splitlines()] == ["line 28", "line 29"]
    nothing = run("tail", "#builds", "-n", "0")
    assert (nothing.stdout, nothing.stderr) == ("", "")
    silent = run("tail", "#bilds")
    assert (silent.stdout, silent.returncode) == ("", 0)
    assert silent.stderr == "chatctl: No stored messages in #bilds\n"


def test_tail_follow_prints_new_messages(ann: Client) -> None:
    ann.say("#builds", "before")
    assert ann.flush(DEADLINE)
    with subprocess.Popen([*COMMAND, "tail", "#builds", "-f", "--json"], stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["text"] == "before"
        ann.say("#builds", "one\ntwo", whole=True)
        assert json.loads(follower.stdout.readline())["text"] == "one\ntwo"
        follower.terminate()


def test_tail_prints_messages_missed_during_a_reconnect() -> None:
    def said(text: str, id: str, *, history: bool) -> e.RoomMessage:
        return e.RoomMessage(time=NOW, room="#lobby", name="ann", text=text, id=id, history=history)

    heard: list[e.Event] = [
        said("printed already", "1", history=True),
        said("before", "0", history=True),
        said("now", "2", history=False),
        e.Reconnected(time=NOW, name="ann", server="s", network="n"),
        said("meanwhile", "3", history=True),
    ]
    assert [event.text for event in new_messages(heard, {"1"})] == ["now", "meanwhile"]


def test_rooms_and_users(ann: Client) -> None:
    ann.topic("#tea", "all about tea")
    assert ann.flush(DEADLINE)
    rooms = [json.loads(line) for line in run("rooms", "--json").stdout.splitlines()]
    assert {"room": "#tea", "people": 1, "topic": "all about tea"} in rooms
    assert "#tea" in run("rooms").stdout
    [user] = [json.loads(line) for line in run("users", "#tea", "--json").stdout.splitlines()]
    assert (user["name"], user["away"]) == ("ann", False)
    assert run("users", "#tea").stdout.startswith("ann  here")
    nobody = run("users", "#nope")
    assert (nobody.stdout, nobody.returncode) == ("", 0)
    assert "#nope has no members" in nobody.stderr


def test_address_sets_host_port_and_tls(ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """irc:// and ircs:// do for all of them what they do for join; a fingerprint stands for the question."""
    port = os.environ["CHATCTL_PORT"]
    monkeypatch.setenv("CHATCTL_PORT", "1")
    url = f"irc://127.0.0.1:{port}/tea"
    assert run("send", url, "in the clear", "--name", "ci").returncode == 0
    assert heard(ann, 1) == ["in the clear"]
    assert run("tail", url).stdout.endswith("[ci]: in the clear\n")
    assert run("users", url, "--json").stdout.startswith('{"name": "ann"')
    assert "#tea" in run("rooms", url).stdout
    assert run("rooms", "chat.example").returncode == 2
    with Server(port=0, tls=TlsConfig("required")) as secret:
        url, loaded = f"ircs://127.0.0.1:{secret.port}/tea", secret.certificate()
        assert loaded is not None
        commands = [["send", url, "hi", "--name", "ci"], ["tail", url], ["users", url], ["rooms", url]]
        for command in commands:
            asked = run(*command)
            assert (asked.returncode, f"--fingerprint {loaded.pin}" in asked.stderr) == (5, True)
        told = [run(*command, "--fingerprint", loaded.pin) for command in commands]
        assert [done.returncode for done in told] == [0] * 4, [done.stderr for done in told]
        assert run("rooms", url).returncode == 0, "it is remembered"


def test_unreachable_server_exits_with_4() -> None:
    for command in ("tail", "rooms", "users"):
        assert run(command, "--port", "1").returncode == 4


def test_server_without_a_useful_answer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from chatctl.cli import script_client
    from chatctl.errors import UnreachableError

    monkeypatch.setattr(script_client, "PATIENCE_SECONDS", 0.2)
    with (
        Peer(lambda talk: talk.welcome("ann").rest()) as peer,
        Client(port=peer.port, name="ann", rooms=[]) as client,
        pytest.raises(UnreachableError),
    ):
        script_client.await_event(client, e.Listed)


# Servers of others.


def alone(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], input=given, capture_output=True, timeout=DEADLINE * 2, check=False)


@pytest.fixture
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in [key for key in os.environ if key.startswith("CHATCTL_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def _refuses(talk: Talk) -> None:
    talk.until("USER")
    talk.send(":irc.test 421 * CAP :Unknown command", *(line.format("ci") for line in WELCOME))
    talk.until("JOIN")
    talk.send(":irc.test 473 ci #builds :Cannot join channel (+i)").pong()
    talk.rest()


def _forwards(talk: Talk) -> None:
    talk.until("USER")
    talk.send(":irc.test 421 * CAP :Unknown command", *(line.format("ci") for line in WELCOME))
    talk.until("JOIN")
    talk.send(":irc.test 470 ci #builds ##overflow :Forwarding to another channel", ":ci!u@h JOIN ##overflow").pong()
    talk.rest()


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize(("script", "why"), [(_refuses, b"(+i)"), (_forwards, b"Forwarding")])
def test_send_sends_nothing_if_its_join_was_refused(script: Callable[[Talk], None], why: bytes) -> None:
    with Peer(script) as peer:
        done = alone("send", "#builds", "secret", "--name", "ci", "--port", str(peer.port))
        assert done.returncode == 5
        assert why in done.stderr
    assert not [line for line in peer.talks[0].lines if line.startswith("PRIVMSG")]


@pytest.mark.usefixtures("nothing_set")
def test_users_of_a_missing_room_is_answered_at_once() -> None:
    def script(talk: Talk) -> None:
        talk.welcome("ci").until("WHO")
        talk.send(":irc.test 403 ci #nowhere :No such channel").rest()

    with Peer(script) as peer:
        done = alone("users", "#nowhere", "--name", "ci", "--port", str(peer.port))
        assert (done.returncode, done.stderr) == (5, b"chatctl: #nowhere: No such channel\n")


@pytest.mark.usefixtures("nothing_set")
def test_tail_follows_a_room_of_a_server_without_history() -> None:
    def script(talk: Talk) -> None:
        talk.until("USER")
        talk.send(":irc.test 421 * CAP :Unknown command", *(line.format("ci") for line in WELCOME))
        talk.until("JOIN")
        talk.send(":ci!u@h JOIN #builds").pong().pong()
        talk.send(":bob!u@h PRIVMSG #builds :hello").rest()

    with Peer(script) as peer:
        command = ["tail", "#builds", "--follow", "--name", "ci", "--port", str(peer.port)]
        with subprocess.Popen([*COMMAND, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            process.terminate()
            _, errors = process.communicate(timeout=DEADLINE)
    assert b"[bob]: hello" in line
    assert b"offers no history" in errors


@pytest.mark.usefixtures("nothing_set")
def test_name_taken_on_a_server_that_ignores_cap_is_reported_at_once() -> None:
    def script(talk: Talk) -> None:
        talk.until("USER")
        talk.send(":irc.test 433 * ci :Nickname is already in use").deaf()

    with Peer(script) as peer:
        done = alone("send", "#builds", "x", "--name", "ci", "--port", str(peer.port))
        assert done.returncode == 5
        assert b"already in use" in done.stderr


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("arguments", [(), ("--whole",)])
def test_input_that_is_not_utf_8_is_an_error(arguments: tuple[str, ...]) -> None:
    done = alone("send", "#builds", "--name", "ci", *arguments, given="Käse\n".encode("latin-1"))
    assert done.returncode == 2
    assert b"is not UTF-8" in done.stderr
    assert b"\xef\xbf\xbd" not in done.stderr


@pytest.mark.usefixtures("server")
def test_text_that_is_not_utf_8_is_an_error() -> None:
    done = alone("send", "#builds", os.fsdecode("Käse".encode("latin-1")), "--name", "ci")
    assert (done.returncode, b"the text is not UTF-8" in done.stderr) == (2, True)
