"""`send`: long input needs a confirmation, and an interruption stops it."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatctl.cli.script_sending import MAX_UNASKED_BYTES
from chatctl.client import Client
from chatctl.client import events as e
from chatctl.server import Limits, Server
from tests.cli.commands import COMMAND, run
from tests.client.peer import WELCOME, Peer, Talk
from tests.wire import DEADLINE

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("environment")]

TOO_LONG = "word " * (MAX_UNASKED_BYTES // 5 + 1)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that takes lines as fast as they come."""
    with Server(port=0, limits=Limits(messages_per_second=0)) as running:
        monkeypatch.setenv("CHATCTL_PORT", str(running.port))
        yield running


@pytest.fixture
def ann(server: Server) -> Iterator[Client]:
    with Client(port=server.port, name="ann", secret="ann's", rooms=["#tea"]) as client:
        yield client


def until_end(client: Client) -> list[str]:
    texts: list[str] = []
    for event in client.events(timeout=DEADLINE):
        if isinstance(event, e.RoomMessage):
            if event.text == "end":
                return texts
            texts.append(event.text)
    raise AssertionError(f"no end after {len(texts)} messages")


@pytest.mark.parametrize("whole", [[], ["--whole"]])
def test_long_input_without_a_terminal_needs_yes(ann: Client, whole: list[str]) -> None:
    given = f"first\n{TOO_LONG}\n" if not whole else TOO_LONG
    done = run("send", "#tea", "--name", "ci", *whole, given=given)
    what = "Line 2 of the input" if not whole else "The input"
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        f"chatctl: {what} is longer than 64 KiB, which makes 150 messages or more; it was not sent. "
        "There is no terminal to ask on, so --yes is needed\n"
    )
    assert run("send", "#tea", "end", "--name", "ci").returncode == 0
    assert until_end(ann) == ([] if whole else ["first"])


@pytest.mark.parametrize("whole", [[], ["--whole"]])
def test_long_input_arrives_whole_with_yes(ann: Client, whole: list[str]) -> None:
    done = run("send", "#tea", "--name", "ci", "--yes", *whole, given=f"{TOO_LONG}last\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert run("send", "#tea", "end", "--name", "ci").returncode == 0
    assert " ".join(until_end(ann)).split() == [*TOO_LONG.split(), "last"]


def test_input_of_exactly_the_limit_needs_no_confirmation(ann: Client) -> None:
    line = TOO_LONG[:MAX_UNASKED_BYTES]
    assert run("send", "#tea", "--name", "ci", given=f"{line}\nend\n").returncode == 0
    assert " ".join(until_end(ann)).split() == line.split()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1)])
def test_long_line_on_a_terminal_needs_confirmation(ann: Client, tmp_path: Path, answer: str, code: int) -> None:
    """The question is on the terminal even if stdin is a file."""
    path = tmp_path / "long"
    path.write_text(f"{TOO_LONG}\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("sh", ["sh", "-c", f"{' '.join(COMMAND)} send '#tea' --name ci < {path}"])
    shown = b""
    while b"[y/N] " not in shown:
        shown += os.read(terminal, 4096)
    assert b"Line 1 of the input is longer than 64 KiB" in shown
    os.write(terminal, f"{answer}\n".encode())
    with contextlib.suppress(OSError):  # Linux reports the end of a terminal as an error
        while os.read(terminal, 4096):
            pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code
    ann.say("#tea", "end")
    assert bool(until_end(ann)) is (code == 0)


def stalling(talk: Talk) -> None:
    """A server of another kind: registers the client, reads the first message, and then stays silent."""
    talk.until("USER")
    talk.send(":irc.test 421 * CAP :Unknown command", *(line.format("ci") for line in WELCOME))
    talk.until("JOIN")
    talk.send(":ci!u@h JOIN #tea").pong()
    talk.until("PRIVMSG")
    talk.until("QUIT")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_send_quits_and_sends_nothing_more(number: signal.Signals) -> None:
    with Peer(stalling) as peer:
        command = [*COMMAND, "send", "#tea", "--name", "ci", "--port", str(peer.port), "--no-tls"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)) as send:
            assert send.stdin is not None
            assert send.stderr is not None
            send.stdin.write(b"line\n" * 500)
            send.stdin.flush()
            while not any(line.startswith("PRIVMSG") for talk in peer.talks for line in talk.lines):
                assert send.poll() is None
            send.send_signal(number)
            assert send.wait(DEADLINE) == 130
            assert send.stderr.read() == b""
        lines = peer.talks[0].lines
    assert lines[-1].startswith("QUIT")
    assert sum(line.startswith("PRIVMSG") for line in lines) < 200


def test_interrupted_tail_ends_though_its_output_is_not_read(server: Server, ann: Client) -> None:
    for _ in range(40):
        ann.say("#tea", "x" * 4000)
    ann.flush(DEADLINE)
    command = [*COMMAND, "tail", "#tea", "--limit", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as tail:
        assert tail.stdout is not None
        tail.stdout.read(1)
        tail.terminate()
        assert tail.wait(DEADLINE) == 130
