"""send, tail, rooms, users: real processes at a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatctl.cli.scripts import _to_come
from chatctl.client import Client
from chatctl.client import events as e
from chatctl.server import Server, TlsPlan
from tests.client.peer import Peer
from tests.wire import DEADLINE

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
        if isinstance(event, e.Said | e.PrivateMessage):
            found.append(event.text)
            if len(found) == count:
                break
    return found


def test_every_line_of_a_pipe_arrives_in_order(ann: Client) -> None:
    lines = [f"line {number}" for number in range(300)]
    done = run("send", "#builds", "--name", "ci", given="\n".join(lines))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert heard(ann, 300) == lines


@pytest.mark.parametrize("given", ["", "\n\n"])
@pytest.mark.parametrize("whole", [(), ("--whole",)], ids=["lines", "whole"])
def test_an_empty_input_says_nothing_and_that_is_said(ann: Client, whole: tuple[str, ...], given: str) -> None:
    done = run("send", "#builds", *whole, "--name", "ci", given=given)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "chatctl: nothing was said: the input is empty\n"


def test_a_text_to_a_room_and_to_a_person(ann: Client) -> None:
    assert run("send", "#builds", "all green", "--name", "ci").returncode == 0
    assert run("send", "ann", "psst", "--name", "ci").returncode == 0
    assert heard(ann, 2) == ["all green", "psst"]


def test_whole_is_one_message(ann: Client) -> None:
    assert run("send", "#builds", "--whole", "--name", "ci", given="one\n/two\n\nthree\n").returncode == 0
    assert heard(ann, 1) == ["one\n/two\n\nthree"]


def test_the_exit_code_says_what_went_wrong(server: Server) -> None:
    assert run("send", "#builds", "hi").returncode == 2  # no name
    assert run("send", "#builds", "hi", "--name", "ci", "--port", "1").returncode == 4
    refused = run("send", "nobody", "hi", "--name", "ci")
    assert refused.returncode == 5
    assert refused.stdout == ""
    assert "nobody" in refused.stderr
    empty = run("send", "#builds", "", "--name", "ci")  # a script's variable that is not set
    assert (empty.returncode, empty.stderr) == (2, "chatctl: there is nothing to say: the text is empty\n")


def test_a_server_that_confirms_nothing_is_given_up_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from chatctl.cli import scripts

    class Stuck:
        waiting = 1

    patience = scripts._Patience(Stuck())  # type: ignore[arg-type]
    assert not patience()
    monkeypatch.setattr(scripts, "PATIENCE", 0.0)
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
    assert silent.stderr == "chatctl: nothing that is kept was said in #bilds\n"


def test_tail_follows(ann: Client) -> None:
    ann.say("#builds", "before")
    assert ann.flush(DEADLINE)
    with subprocess.Popen([*COMMAND, "tail", "#builds", "-f", "--json"], stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["text"] == "before"
        ann.say("#builds", "one\ntwo", whole=True)
        assert json.loads(follower.stdout.readline())["text"] == "one\ntwo"
        follower.terminate()


def test_tail_goes_on_with_what_a_broken_connection_kept_from_it() -> None:
    def said(text: str, id: str, *, history: bool) -> e.Said:
        return e.Said(time=NOW, room="#lobby", name="ann", text=text, id=id, history=history)

    heard: list[e.Event] = [
        said("printed already", "1", history=True),
        said("before", "0", history=True),
        said("now", "2", history=False),
        e.Reconnected(time=NOW, name="ann", server="s", network="n"),
        said("meanwhile", "3", history=True),
    ]
    assert [event.text for event in _to_come(heard, {"1"})] == ["now", "meanwhile"]


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
    assert "nobody is in #nope" in nobody.stderr


def test_an_address_says_where_and_how(ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
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
    with Server(port=0, tls=TlsPlan("required")) as secret:
        url, loaded = f"ircs://127.0.0.1:{secret.port}/tea", secret.certificate()
        assert loaded is not None
        commands = [["send", url, "hi", "--name", "ci"], ["tail", url], ["users", url], ["rooms", url]]
        for command in commands:
            asked = run(*command)
            assert (asked.returncode, f"--fingerprint {loaded.pin}" in asked.stderr) == (5, True)
        told = [run(*command, "--fingerprint", loaded.pin) for command in commands]
        assert [done.returncode for done in told] == [0] * 4, [done.stderr for done in told]
        assert run("rooms", url).returncode == 0, "it is remembered"


def test_no_server_is_exit_code_4() -> None:
    for command in ("tail", "rooms", "users"):
        assert run(command, "--port", "1").returncode == 4


def test_a_server_that_answers_nothing_to_the_point_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from chatctl.cli import scripts
    from chatctl.errors import UnreachableError

    monkeypatch.setattr(scripts, "PATIENCE", 0.2)
    with (
        Peer(lambda talk: talk.welcome("ann").rest()) as peer,
        Client(port=peer.port, name="ann", rooms=[]) as client,
        pytest.raises(UnreachableError),
    ):
        scripts._awaited(client, e.Listed)
