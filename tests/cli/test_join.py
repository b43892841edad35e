"""`chatctl join` as a process in a pipe."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import threading

import pytest

from chatctl.chat.model.policy import Rules
from chatctl.cli.commands.join import _log_in_one_line
from chatctl.server import Server
from tests.cli.commands import COMMAND, run
from tests.client.peer import Peer, Talk
from tests.wire import DEADLINE, Wire

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("environment")]


class TestPipe:
    """stdin is not a terminal."""

    def test_pipe_sends_each_line_and_waits_for_the_last_echo(self, server: Server, bob: Wire) -> None:
        done = run("join", "--port", str(server.port), "--name", "ci", given="one\n/two\n\n  \nпривет 👋\nno end")
        assert (done.returncode, done.stderr) == (0, b"")
        bob.until("QUIT")
        said = [message.params[1] for message in bob.read if message.command == "PRIVMSG"]
        assert said == ["one", "/two", "привет 👋", "no end"]

    def test_many_piped_lines_arrive_in_order(self, server: Server, bob: Wire) -> None:
        lines = [f"line {number}" for number in range(3000)]
        done = run("join", "--port", str(server.port), "--name", "ci", given="\n".join(lines))
        assert done.returncode == 0
        bob.until("QUIT")
        assert [message.params[1] for message in bob.read if message.command == "PRIVMSG"] == lines

    def test_json_output_has_one_event_per_line(self, server: Server) -> None:
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

    def test_invalid_utf8_on_stdin_is_reported(self, server: Server, bob: Wire) -> None:
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
    def test_invalid_use_is_one_line_and_an_exit_code(
        self, server: Server, bob: Wire, arguments: tuple[str, ...], code: int, words: str
    ) -> None:
        done = run("join", "--port", str(server.port), *arguments)
        assert done.returncode == code
        assert done.stdout == b""
        [line] = done.stderr.decode().splitlines()
        assert line.startswith("chatctl: ")
        assert words in line

    def test_password_is_read_from_the_environment(self) -> None:
        with Server(port=0, rules=Rules(password="sesam")) as server:
            port = str(server.port)
            assert run("join", "--name", "ci", CHATCTL_PORT=port, CHATCTL_PASSWORD="sesam").returncode == 0
            assert run("join", "--name", "ci", CHATCTL_PORT=port, CHATCTL_PASSWORD="wrong").returncode == 5

    def test_wildcard_host_means_this_computer(self, server: Server) -> None:
        assert run("join", "--port", str(server.port), "--name", "ci", CHATCTL_HOST="0.0.0.0").returncode == 0

    def test_ipv6_address_in_brackets_is_accepted(self) -> None:
        done = run("join", "--port", "1", "--name", "ci", "--host", "[::1]")
        assert b"No chat server answers at [::1]:1 (" in done.stderr
        assert b"no such" not in done.stderr
        assert b"not known" not in done.stderr

    def test_refused_message_sets_the_exit_code(self, server: Server) -> None:
        def script(talk: Talk) -> None:
            talk.welcome("ci")
            talk.until("PRIVMSG")
            talk.send(":s 404 ci #lobby :Cannot send to channel")
            talk.rest()

        with Peer(script) as peer:
            done = run("join", "--port", str(peer.port), "--name", "ci", given="hi\n")
        assert done.returncode == 5
        assert b"!!! #lobby: Cannot send to channel" in done.stderr

    def test_closed_stdout_ends_silently(self, server: Server, bob: Wire) -> None:
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
        bob.send("PRIVMSG #lobby :is ann here?")
        assert process.wait(DEADLINE) == 1
        assert process.stderr.read() == b""
        process.stdin.close()
        process.stderr.close()

    def test_sigterm_quits_the_chat(self, server: Server, bob: Wire) -> None:
        process = subprocess.Popen(
            [*COMMAND, "join", "--port", str(server.port), "--name", "ci"], stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(b"I am in\n")
        process.stdin.flush()
        bob.until("PRIVMSG")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
        assert bob.until("QUIT").nick == "ci"
        process.stdin.close()

    def test_interrupted_pipe_exits_with_130(self, server: Server, bob: Wire) -> None:
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
    def test_pipe_ends_though_the_server_confirms_nothing(self, number: signal.Signals, count: int) -> None:
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
            assert process.wait(DEADLINE) == 1
            assert process.stderr is not None
            assert b"may not have been delivered" in process.stderr.read()
            process.stderr.close()

    def test_missing_stdout_ends_silently(self, server: Server) -> None:
        arguments = f"join --json --port {server.port} --name ci"
        done = subprocess.run(
            ["sh", "-c", f"{' '.join(COMMAND)} {arguments} >&-"], input=b"hi\n", stderr=subprocess.PIPE, check=False
        )
        assert (done.returncode, done.stderr) == (1, b"")

    @pytest.mark.parametrize(("option", "code"), [("--name", 3), ("--room", 2)])
    def test_too_long_argument_is_refused_at_once(self, option: str, code: int) -> None:
        done = run("join", "--port", "1", "--name", "ci", option, "x" * 600)
        assert done.returncode == code
        assert b"too long" in done.stderr
        assert done.stderr.count(b"\n") == 1


def test_client_log_message_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("chatctl.client")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "propagate", True)
    _log_in_one_line()
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.exception("a callback failed")
    assert capsys.readouterr().err == "chatctl: a callback failed: ValueError: two lines\n"
