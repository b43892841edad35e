"""Two `chatctl join` in a real terminal: the resulting screen, not the bytes written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatctl.server import Server
from tests.wire import DEADLINE

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")]


class Pane:
    """One terminal of 40 to 80 columns, running `chatctl join`."""

    def __init__(self, socket: Path, columns: int, port: int, name: str) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", os.devnull]
        self._name = name
        command = f"{sys.executable} -m chatctl join --plain --port {port} --name {name}; echo exit=$?; exec sleep 60"
        self._run("new-session", "-d", "-s", name, "-x", str(columns), "-y", "14", command)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], capture_output=True, check=True, encoding="utf-8")
        return done.stdout

    def type(self, text: str) -> None:
        self._run("send-keys", "-t", self._name, "-l", text)

    def enter(self) -> None:
        self._run("send-keys", "-t", self._name, "Enter")

    def lines(self) -> list[str]:
        """Return the text on the screen, with wrapped lines joined."""
        text = self._run("capture-pane", "-p", "-J", "-t", self._name)
        return [line.rstrip() for line in text.splitlines() if line.strip()] or [""]

    def until(self, question: Callable[[list[str]], bool]) -> list[str]:
        """The screen, as soon as the answer is yes."""
        end = time.monotonic() + DEADLINE
        while not question(lines := self.lines()):
            assert time.monotonic() < end, "\n".join(lines)
            time.sleep(0.01)
        return lines


@pytest.fixture
def pane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, int, str], Pane]]:
    for key in [key for key in os.environ if key.startswith("CHATCTL_") or key in ("TMUX", "NO_COLOR")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")  # tmux's own; ours needs none
    socket = tmp_path / "tmux"
    yield lambda columns, port, name: Pane(socket, columns, port, name)
    subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True, check=False)


def test_arriving_messages_do_not_break_the_typed_line(pane: Callable[[int, int, str], Pane]) -> None:
    with Server(port=0) as server:
        ann = pane(80, server.port, "ann")
        ann.until(lambda lines: lines[-1] == "[ann]:")
        bob = pane(40, server.port, "bob")
        bob.until(lambda lines: "--- In #lobby: ann, you" in lines and lines[-1] == "[bob]:")
        ann.until(lambda lines: "--> bob joined" in lines)

        bob.type("half a line 日本語 that is longer than forty")
        bob.until(lambda lines: lines[-1].endswith("than forty"))
        for number in range(3):
            ann.type(f"message {number} 👋")
            ann.enter()
        messages = "".join(f"[ann]: message {number} 👋" for number in range(3))
        typing = "[bob]: half a line 日本語 that is longer than forty"
        bob.until(lambda lines: "".join(lines).endswith(messages + typing))

        bob.enter()
        ann.until(lambda lines: typing in lines)
        screen = bob.until(lambda lines: lines[-1] == "[bob]:")
        assert sum("half a line" in line for line in screen) == 1
        screen = ann.until(lambda lines: lines[-1] == "[ann]:")
        assert [line for line in screen if line.startswith("[ann]: m")] == [f"[ann]: message {n} 👋" for n in range(3)]

        bob.type("/quit")
        bob.enter()
        bob.until(lambda lines: lines[-1] == "exit=0")
        ann.until(lambda lines: "<-- bob left" in lines)
