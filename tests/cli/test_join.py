"""`chatctl join` and `chatctl check-name` as processes: in a pipe, and in a terminal."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from chatctl.chat.rules import Rules
from chatctl.cli.join import _log_in_one_line
from chatctl.server import Server
from tests.client.peer import Peer, Talk
from tests.wire import DEADLINE, Wire

pytestmark = pytest.mark.e2e

HEAVY = {"sqlite3", "prompt_toolkit", "textual", "cryptography", "chatctl.server", "chatctl.chat"}
COMMAND = [sys.executable, "-m", "chatctl"]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0) as server:
        yield server


@pytest.fixture
def bob(server: Server) -> Iterator[Wire]:
    """Somebody else, in #lobby."""
    bob = Wire(server.port).login("bob", "#lobby")
    yield bob
    bob.sock.close()


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in list(os.environ):
        if key.startswith("CHATCTL_"):
            monkeypatch.delenv(key)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def run(*arguments: str, given: str | bytes = "", **environ: str) -> subprocess.CompletedProcess[bytes]:
    data = given.encode() if isinstance(given, str) else given
    env = {**os.environ, **environ}
    return subprocess.run(
        [*COMMAND, *arguments], input=data, capture_output=True, check=False, timeout=2 * DEADLINE, env=env
    )


class TestPipe:
    """stdin is no terminal."""

    def test_each_line_is_one_message_and_the_last_echo_is_waited_for(self, server: Server, bob: Wire) -> None:
        done = run("join", "--port", str(server.port), "--name", "ci", given="one\n/two\n\n  \nпривет 👋\nno end")
        assert (done.returncode, done.stderr) == (0, b"")
        bob.until("QUIT")
        said = [message.params[1] for message in bob.read if message.command == "PRIVMSG"]
        assert said == ["one", "/two", "привет 👋", "no end"]

    def test_many_lines_arrive_in_order(self, server: Server, bob: Wire) -> None:
        lines = [f"line {number}" for number in range(3000)]
        done = run("join", "--port", str(server.port), "--name", "ci", given="\n".join(lines))
        assert done.returncode == 0
        bob.until("QUIT")
        assert [message.params[1] for message in bob.read if message.command == "PRIVMSG"] == lines

    def test_json(self, server: Server) -> None:
        done = run("join", "--port", str(server.port), "--name", "ci", "--json", given="hi\n")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert [event["type"] for event in events] == ["connected", "joined", "names", "message", "disconnected"]
        assert events[3] | {"time": "", "id": ""} == {
            "type": "message",
            "time": "",
            "room": "#lobby",
            "name": "ci",
            "text": "hi",
            "kind": "message",
            "own": True,
            "id": "",
            "history": False,
        }

    def test_bytes_that_are_no_text_are_told(self, server: Server, bob: Wire) -> None:
        done = run("join", "--port", str(server.port), "--name", "ci", given=b"caf\xe9\n")
        assert done.returncode == 0
        assert b"1 lines were not UTF-8" in done.stderr
        assert bob.until("PRIVMSG").params[1] == "caf\ufffd"

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            ((), 2, "--name NAME or CHATCTL_CLIENT__NAME"),
            (("--name", "bob"), 5, "The name bob is taken"),
            (("--name", "1st"), 3, "That name cannot be used"),
            (("--name", "ann", "--port", "1"), 4, 'start one with "chatctl serve"'),
        ],
    )
    def test_what_cannot_be_is_one_line_and_a_code(
        self, server: Server, bob: Wire, arguments: tuple[str, ...], code: int, words: str
    ) -> None:
        done = run("join", "--port", str(server.port), *arguments)
        assert done.returncode == code
        assert done.stdout == b""
        [line] = done.stderr.decode().splitlines()
        assert line.startswith("chatctl: ")
        assert words in line

    def test_the_password_from_the_environment(self) -> None:
        with Server(port=0, rules=Rules(password="sesam")) as server:
            port = str(server.port)
            assert run("join", "--port", port, "--name", "ci", CHATCTL_PASSWORD="sesam").returncode == 0
            assert run("join", "--port", port, "--name", "ci", CHATCTL_PASSWORD="wrong").returncode == 5

    def test_a_wildcard_host_means_this_computer(self, server: Server) -> None:
        assert run("join", "--port", str(server.port), "--name", "ci", CHATCTL_HOST="0.0.0.0").returncode == 0

    def test_an_address_in_brackets(self) -> None:
        done = run("join", "--port", "1", "--name", "ci", "--host", "[::1]")
        assert b"no chat server answers at [::1]:1 (" in done.stderr
        assert b"no such" not in done.stderr
        assert b"not known" not in done.stderr

    def test_what_is_refused_shows_in_the_code(self, server: Server) -> None:
        def script(talk: Talk) -> None:
            talk.welcome("ci")
            talk.until("PRIVMSG")
            talk.send(":s 404 ci #lobby :Cannot send to channel")
            talk.rest()

        with Peer(script) as peer:
            done = run("join", "--port", str(peer.port), "--name", "ci", given="hi\n")
        assert done.returncode == 5
        assert b"!!! #lobby: Cannot send to channel" in done.stderr

    def test_a_closed_stdout_ends_quietly(self, server: Server, bob: Wire) -> None:
        process = subprocess.Popen(
            [*COMMAND, "join", "--port", str(server.port), "--name", "ci"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        while not any(message.command == "JOIN" and message.nick == "ci" for message in bob.read):
            bob.until("JOIN")
        process.stdout.close()
        bob.send("PRIVMSG #lobby :anybody?")
        assert process.wait(DEADLINE) == 1
        assert process.stderr.read() == b""
        process.stdin.close()
        process.stderr.close()

    def test_being_asked_to_end_is_leaving(self, server: Server, bob: Wire) -> None:
        process = subprocess.Popen(
            [*COMMAND, "join", "--port", str(server.port), "--name", "ci"], stdin=subprocess.PIPE
        )
        while not any(message.command == "JOIN" and message.nick == "ci" for message in bob.read):
            bob.until("JOIN")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
        assert bob.until("QUIT").nick == "ci"
        assert process.stdin is not None
        process.stdin.close()

    def test_an_interrupted_pipe_says_so(self, server: Server, bob: Wire) -> None:
        process = subprocess.Popen(
            [*COMMAND, "join", "--port", str(server.port), "--name", "ci"], stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(b"reading\n")
        process.stdin.flush()
        bob.until("PRIVMSG")
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 130
        process.stdin.close()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    @pytest.mark.parametrize("count", [1, 3000])
    def test_a_server_that_confirms_nothing_does_not_keep_it(self, number: signal.Signals, count: int) -> None:
        said = threading.Event()

        def script(talk: Talk) -> None:
            talk.welcome("ci")
            talk.until("PRIVMSG")
            said.set()
            talk.deaf()

        with Peer(script) as peer:
            process = subprocess.Popen(
                [*COMMAND, "join", "--port", str(peer.port), "--name", "ci"],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert process.stdin is not None
            process.stdin.write(b"hi\n" * count)
            process.stdin.close()
            assert said.wait(DEADLINE)
            process.send_signal(number)
            assert process.wait(5.0) == 1
            assert process.stderr is not None
            assert b"may not have been delivered" in process.stderr.read()
            process.stderr.close()

    def test_no_stdout_at_all_ends_quietly(self, server: Server) -> None:
        arguments = f"join --json --port {server.port} --name ci"
        done = subprocess.run(
            ["sh", "-c", f"{' '.join(COMMAND)} {arguments} >&-"], input=b"hi\n", stderr=subprocess.PIPE, check=False
        )
        assert (done.returncode, done.stderr) == (1, b"")

    @pytest.mark.parametrize(("option", "code"), [("--name", 3), ("--room", 2)])
    def test_what_is_far_too_long_is_told_at_once(self, option: str, code: int) -> None:
        done = run("join", "--port", "1", "--name", "ci", option, "x" * 600)
        assert done.returncode == code
        assert b"too long" in done.stderr
        assert done.stderr.count(b"\n") == 1


class TestTerminal:
    """stdin and stdout are a terminal."""

    def spawn(self, *arguments: str, **environ: str) -> pexpect.spawn[str]:
        return pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], "join", "--plain", *arguments],
            encoding="utf-8",
            timeout=DEADLINE,
            dimensions=(24, 80),
            env={**os.environ, **environ},
        )

    def end(self, terminal: pexpect.spawn[str]) -> int:
        terminal.expect(pexpect.EOF)
        terminal.close()
        return int(terminal.exitstatus)

    def test_talk_and_leave(self, server: Server, bob: Wire) -> None:
        ann = self.spawn("--port", str(server.port), "--name", "ann")
        ann.expect("You are ann on chatctl")
        ann.expect("In #lobby: bob, you")
        ann.send("half a ")
        bob.send("PRIVMSG #lobby :\x1b[2Jsneaky")
        ann.expect(re.escape("[bob]: sneaky"))
        ann.send("line 日本\r")
        ann.expect(re.escape("[ann]: half a line 日本"))
        ann.send("/hepl\r")
        ann.expect("did you mean /help")
        ann.send("/quit bye\r")
        assert self.end(ann) == 0
        assert bob.until("QUIT").params[0] == "Quit: bye"

    def test_a_taken_name_is_asked_again_with_free_ones(self, server: Server, bob: Wire) -> None:
        terminal = self.spawn("--port", str(server.port))
        terminal.expect("Your name: ")
        terminal.send("bob\r")
        terminal.expect("The name bob is taken")
        terminal.expect("Free now: bob_, bob2, bob3")
        terminal.expect(re.escape("Your name [bob_]: "))
        terminal.send("1 bad\r")
        terminal.expect("no space")
        terminal.expect(re.escape("Your name [_1_bad]: "))
        terminal.send("\r")
        terminal.expect(re.escape("Keep the name _1_bad for you alone, by a password? [y/N] "))
        terminal.send("\r")
        terminal.expect(re.escape("[_1_bad]:"))
        terminal.sendeof()
        assert self.end(terminal) == 0

    def test_what_is_neither_yes_nor_no_was_meant_for_the_chat(self, server: Server, bob: Wire) -> None:
        terminal = self.spawn("--port", str(server.port))
        terminal.expect("Your name: ")
        terminal.send("ann\r")
        terminal.expect(re.escape("[y/N] "))
        terminal.send("hello everybody\r")
        assert bob.until("PRIVMSG").params[1] == "hello everybody"
        terminal.expect(re.escape("[ann]: hello everybody"))
        terminal.send("/quit\r")
        assert self.end(terminal) == 0

    def test_the_password_is_asked_for_and_not_shown(self) -> None:
        with Server(port=0, rules=Rules(password="sesam")) as server:
            terminal = self.spawn("--port", str(server.port), "--name", "ann")
            terminal.expect("password")
            terminal.waitnoecho(DEADLINE)
            terminal.send("sesam\r")
            terminal.expect("You are ann on")
            assert "sesam" not in str(terminal.before)
            terminal.sendintr()
            assert self.end(terminal) == 0

    def test_pasted_lines_are_lines(self, server: Server, bob: Wire) -> None:
        ann = self.spawn("--port", str(server.port), "--name", "ann")
        ann.expect("In #lobby: bob, you")
        ann.send("\x1b[200~/etc/hosts\none\n/me waves\x1b[201~\r")
        ann.expect("There is no command /etc/hosts")
        assert bob.until("PRIVMSG").params[1] == "one"
        assert bob.until("PRIVMSG").params[1] == "\x01ACTION waves\x01"
        ann.send("/quit\r")
        assert self.end(ann) == 0

    def test_a_name_far_too_long_is_asked_again(self, server: Server) -> None:
        terminal = self.spawn("--port", str(server.port))
        terminal.expect("Your name: ")
        terminal.send("x" * 600 + "\r")
        terminal.expect("too long")
        terminal.expect("Your name")
        terminal.send("ann\r")
        terminal.expect("Keep the name ann")
        terminal.send("n\r")
        terminal.expect("You are ann on")
        terminal.send("/quit\r")
        assert self.end(terminal) == 0

    def test_an_account_is_offered_once_and_nothing_is_printed_into_the_question(self, server: Server) -> None:
        terminal = self.spawn("--port", str(server.port))
        terminal.expect("Your name: ")
        terminal.send("ann\r")
        terminal.expect(re.escape("[y/N] "))
        with Wire(server.port).login("bob", "#lobby") as bob:
            bob.send("PRIVMSG #lobby :meanwhile", "PING x").until("PONG")
            terminal.send("y\r")
            terminal.expect("Choose a password")
            assert "meanwhile" not in str(terminal.before)
            terminal.waitnoecho(DEADLINE)
            terminal.send("sesame street\r")
            terminal.expect("Once more: ")
            terminal.send("sesame street\r")
            terminal.expect(re.escape("[bob]: meanwhile"))
            terminal.expect(re.escape("--- You are now logged in as ann"))
        terminal.send("/quit\r")
        assert self.end(terminal) == 0
        terminal = self.spawn("--port", str(server.port))
        terminal.expect("Your name: ")
        terminal.send("ann\r")
        terminal.expect("Password of the account ann")
        terminal.send("sesame street\r")
        terminal.expect("You are ann on")
        assert "Keep the name" not in str(terminal.before)
        terminal.sendintr()
        assert self.end(terminal) == 0

    def test_interrupted_before_being_in(self, server: Server) -> None:
        for key in ("\x03", "\x04"):
            terminal = self.spawn("--port", str(server.port))
            terminal.expect("Your name: ")
            terminal.send(key)
            assert self.end(terminal) == 130

    def test_no_server_is_told_before_a_name_is_asked_for(self) -> None:
        terminal = self.spawn("--port", "1")
        terminal.expect("no chat server answers at 127.0.0.1:1")
        assert self.end(terminal) == 4

    def test_a_simple_terminal_reads_plain_lines(self, server: Server, bob: Wire) -> None:
        terminal = self.spawn("--port", str(server.port), "--name", "ann", TERM="dumb")
        terminal.expect("You are ann on")
        terminal.send("hi\n/me waves\n")
        assert bob.until("PRIVMSG").params[1] == "hi"
        assert bob.until("PRIVMSG").params[1] == "\x01ACTION waves\x01"
        terminal.send("/quit\n")
        assert self.end(terminal) == 0

    def test_the_server_goes_and_comes_back(self) -> None:
        with Server(port=0) as first:
            port = first.port
            terminal = self.spawn("--port", str(port), "--name", "ann")
            terminal.expect("Nobody else is in #lobby")
        terminal.expect("No connection")
        terminal.send("typed meanwhile\r")
        terminal.expect("waiting to be sent: typed meanwhile")
        with Server(port=port):
            terminal.expect("The connection is back")
            terminal.expect(re.escape("[ann]: typed meanwhile"))
            terminal.send("/quit\r")
            assert self.end(terminal) == 0


class TestCheckName:
    """`chatctl check-name`."""

    def test_one_line_a_name_in_columns(self, server: Server, bob: Wire) -> None:
        done = run("check-name", "--port", str(server.port), "ann", "bob", "日本", "1x")
        assert done.stdout.decode().splitlines() == [
            "ann   free",
            "bob   taken    free instead: bob_, bob2, bob3",
            "日本  free",
            "1x    invalid  a name starts with a letter or one of _[]\\`^{}|, not with a digit or '-'  "
            "free instead: _1x, _1x_, _1x2",
        ]
        assert (done.returncode, done.stderr) == (3, b"")

    def test_codes(self, server: Server, bob: Wire) -> None:
        port = str(server.port)
        assert run("check-name", "--port", port, "ann").returncode == 0
        assert run("check-name", "--port", port, "ann", "bob").returncode == 1
        assert run("check-name", "--port", port, "1x", "bob").returncode == 3
        done = run("check-name", "--port", "1", "ann")
        assert done.returncode == 4
        assert done.stderr.startswith(b"chatctl: no chat server answers at 127.0.0.1:1")

    def test_json(self, server: Server) -> None:
        done = run("check-name", "--port", str(server.port), "--json", "ann", "1x")
        assert [json.loads(line) for line in done.stdout.splitlines()] == [
            {"name": "ann", "status": "free", "reason": None, "alternatives": [], "advice": False},
            {
                "name": "1x",
                "status": "invalid",
                "reason": "a name starts with a letter or one of _[]\\`^{}|, not with a digit or '-'",
                "alternatives": ["_1x", "_1x_", "_1x2"],
                "advice": False,
            },
        ]

    def test_another_server_gives_advice(self) -> None:
        def script(talk: Talk) -> None:
            talk.send(":s CAP * LS :")
            talk.until("CAP LIST")
            talk.send(":s CAP * LIST :")
            talk.rest()

        with Peer(script) as peer:
            done = run("check-name", "--port", str(peer.port), "ann")
        assert (done.returncode, done.stdout) == (0, b"ann  free\n")
        assert b"advice only" in done.stderr

    def test_what_is_known_is_told_when_the_server_breaks_off(self) -> None:
        def script(talk: Talk) -> None:
            talk.send(":s CAP * LS :")
            talk.until("CAP LIST")
            talk.send(":s CAP * LIST :")
            talk.until("NICK bob")

        with Peer(script) as peer:
            done = run("check-name", "--port", str(peer.port), "ann", "bob")
        assert (done.returncode, done.stdout) == (4, b"ann  free\n")
        assert b"broke off" in done.stderr

    def test_nothing_heavy_is_loaded(self, server: Server) -> None:
        # ssl and asyncio are pydantic-settings' doing; what is ours loads neither.
        ours = "import sys, chatctl.client.check, chatctl.cli.check_name\n"
        whole = "import sys; from chatctl.cli.app import main\ntry: main()\nexcept SystemExit: pass\n"
        for code, heavy in ((ours, HEAVY | {"ssl", "asyncio", "hmac"}), (whole, HEAVY)):
            arguments = ["check-name", "--port", str(server.port), "ann"]
            code = f"{code}print(sorted({heavy} & sys.modules.keys()))"  # noqa: PLW2901
            done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
            assert done.stdout.splitlines()[-1] == "[]"


def test_what_the_client_logs_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("chatctl.client")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "propagate", True)
    _log_in_one_line()
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.exception("a callback failed")
    assert capsys.readouterr().err == "chatctl: a callback failed: ValueError: two lines\n"
