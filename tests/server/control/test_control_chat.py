"""The control socket's request ``chat``: a session that takes no place ([chat] in server/control/control.py)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from chatctl.chat.model.policy import Rules
from chatctl.protocol.control_socket import control_path
from chatctl.server import Server
from chatctl.server.loop import MAX_CONSOLES

SECONDS = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with one place, which refuses plain text and trusts no address."""
    tmp_path.chmod(0o700)
    with Server(port=0, listener_limit=1, rules=Rules(local=False), control=tmp_path) as server:
        yield server


class Console:
    """A connection of the control socket."""

    def __init__(self, folder: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(control_path(folder)))
        self.lines: BinaryIO = self.sock.makefile("rb")

    def ask(self, request: bytes) -> dict[str, object]:
        self.sock.sendall(request)
        answer = json.loads(self.lines.readline())
        assert isinstance(answer, dict)
        return answer

    def send(self, *lines: str) -> None:
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def until(self, word: str) -> str:
        while line := self.lines.readline().decode():
            if f" {word} " in line:
                return line.strip()
        raise AssertionError(f"no {word} before the end")

    def close(self) -> None:
        self.lines.close()
        self.sock.close()


def enter(folder: Path, nick: str) -> Console:
    console = Console(folder)
    assert console.ask(b'{"command": "chat"}\n') == {"ok": True}
    console.send("CAP REQ :echo-message", f"NICK {nick}", "USER u 0 * :r", "CAP END")
    console.until("001")
    return console


def test_console_sessions_do_not_count_for_the_listener_limit(server: Server, tmp_path: Path) -> None:
    consoles = [enter(tmp_path, f"script{number}") for number in range(3)]
    for console in consoles:
        console.send("JOIN #lobby")
        console.until("366")
    consoles[0].send("PRIVMSG #lobby :hello")
    for console in consoles:
        assert console.until("PRIVMSG").endswith("PRIVMSG #lobby :hello")
        console.send("QUIT")
        assert console.lines.read().splitlines()[-1].startswith(b"ERROR")
        console.close()


def test_number_of_console_sessions_is_bounded(server: Server, tmp_path: Path) -> None:
    consoles = [Console(tmp_path) for _ in range(MAX_CONSOLES)]
    for console in consoles:
        assert console.ask(b'{"command": "chat"}\n') == {"ok": True}
    one_more = Console(tmp_path)
    assert one_more.ask(b'{"command": "chat"}\n')["ok"] is False
    assert one_more.ask(b'{"command": "status"}\n')["ok"] is True
    for console in (*consoles, one_more):
        console.close()


def test_chat_request_with_further_bytes_is_refused(server: Server, tmp_path: Path) -> None:
    console = Console(tmp_path)
    assert console.ask(b'{"command": "chat"}\nNICK')["ok"] is False
    console.close()


@pytest.mark.e2e
def test_console_session_is_told_of_a_stop(server: Server, tmp_path: Path) -> None:
    console = enter(tmp_path, "script")
    server.stop("The server is stopping")
    assert b"ERROR :The server is stopping" in console.lines.read()
    console.close()
