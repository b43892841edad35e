"""One session on the full screen in a real terminal: two users, history, search, reconnecting, a terminal that goes."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import deadline
from tests.e2e.processes import CHATCTL, ServeProcess, environment, needs
from tests.ports import steady_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

DEADLINE = deadline.DEADLINE


class Terminals:
    """Terminals of one tmux server; each runs `chatctl join` and then shows its exit code."""

    def __init__(self, folder: Path) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", os.devnull]
        self._folder = folder

    def run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], capture_output=True, check=True, encoding="utf-8")
        return done.stdout

    def open(self, name: str, arguments: str, columns: int, lines: int) -> None:
        command = f"{CHATCTL} join {arguments}; echo exit=$?; exec sleep 100"
        # Variables that a shell exported describe another terminal.
        env = environment(self._folder, COLUMNS="80", LINES="24", XDG_DATA_HOME=str(self._folder / f"data-{name}"))
        size = ("-x", str(columns), "-y", str(lines))
        subprocess.run([*self._tmux, "new-session", "-d", "-s", name, *size, command], env=env, check=True)

    def type(self, name: str, text: str) -> None:
        self.run("send-keys", "-t", name, "-l", text)
        self.press(name, "Enter")

    def press(self, name: str, *keys: str) -> None:
        self.run("send-keys", "-t", name, *keys)

    def until(self, name: str, question: Callable[[str], bool] | str) -> str:
        end = time.monotonic() + DEADLINE
        while True:
            text = self.run("capture-pane", "-p", "-t", name)
            if question in text if isinstance(question, str) else question(text):
                return text
            assert time.monotonic() < end, f"{name}: {question}\n{text}"
            time.sleep(0.05)


@pytest.fixture
def terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminals]:
    needs("tmux")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("TMUX", raising=False)
    found = Terminals(tmp_path)
    yield found
    subprocess.run([*found._tmux, "kill-server"], capture_output=True, check=False)


def test_full_screen_session_from_login_to_quit(terminals: Terminals, tmp_path: Path) -> None:
    with ServeProcess(tmp_path, CHATCTL_PORT=str(steady_port())) as server:
        port = server.port
        terminals.open("ann", f"--port {port}", 100, 24)  # nothing is known: the name is asked for
        terminals.until("ann", "What should others call you?")
        terminals.type("ann", "ann")
        terminals.until("ann", "Keep the name ann for you alone?")
        terminals.press("ann", "Enter")
        terminals.until("ann", "You are ann")
        terminals.open("bob", f"--port {port} --name bob", 40, 12)
        terminals.until("ann", "bob joined")
        terminals.until("bob", "You are bob")

        terminals.type("bob", "ann: hello 你好")
        terminals.until("ann", "»[bob]: ann: hello 你好")
        terminals.type("ann", "/react +1")
        terminals.until("bob", "👍 ann")
        terminals.type("ann", "the password of the day is cardamom")
        terminals.until("bob", "cardamom")
        terminals.type("bob", "/query ann")
        terminals.type("bob", "psst")
        terminals.until("ann", "@1 elsewhere")
        terminals.press("ann", "M-a")
        terminals.until("ann", lambda text: text.startswith(" bob") and "[bob]: psst" in text)
        terminals.press("ann", "M-1")
        terminals.until("ann", lambda text: text.startswith(" #lobby"))
        terminals.run("set-buffer", "of several\nlines")
        terminals.run("paste-buffer", "-p", "-t", "ann")
        terminals.until("ann", "Send these 2 lines?")
        terminals.press("ann", "Enter")
        terminals.press("bob", "M-1")
        terminals.until("bob", lambda text: "[ann]: of several" in text and "        lines" in text)

        terminals.press("ann", "C-f")
        terminals.type("ann", "cardamom")
        terminals.until("ann", "1 found")
        terminals.press("ann", "Enter")
        terminals.until("ann", lambda text: "found" not in text and "cardamom" in text)
        server.stop()
        terminals.until("ann", "no connection, trying again")
        terminals.type("ann", "typed meanwhile")
        terminals.until("ann", "…[ann]: typed meanwhile")
    with ServeProcess(tmp_path, CHATCTL_PORT=str(port)):
        terminals.until("ann", " [ann]: typed meanwhile")
        terminals.press("bob", "M-1")
        terminals.until("bob", "typed meanwhile")

        terminals.type("ann", "/plain")
        terminals.until("ann", "Going on line by line")
        terminals.type("ann", "/quit")
        terminals.until("ann", "exit=0")
        terminals.open("again", f"--port {port} --name eve", 80, 24)
        terminals.until("again", lambda text: "cardamom" in text and "typed meanwhile" in text)
        terminals.press("again", "C-c")
        terminals.until("again", "Press Ctrl-C again")
        terminals.press("again", "C-c")
        terminals.until("again", "exit=0")

        pid = int(terminals.run("display-message", "-p", "-t", "bob", "#{pane_pid}"))
        [child] = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True).stdout.split()
        terminals.run("kill-session", "-t", "bob")  # the terminal goes away: SIGHUP
        end = time.monotonic() + DEADLINE
        while Path(f"/proc/{child}").exists():
            assert time.monotonic() < end, "it lives on without a terminal"
            time.sleep(0.05)


def test_first_visit_asks_about_the_certificate(terminals: Terminals, tmp_path: Path) -> None:
    with ServeProcess(tmp_path, CHATCTL_TLS__MODE="required") as server:
        [pin] = re.findall(r"SHA256:\S+", server.banner)
        where = f"ircs://127.0.0.1:{server.port}/lobby --name"
        terminals.open("bob", f"{where} bob", 40, 12)
        terminals.until("bob", "First visit")
        terminals.press("bob", "Escape")
        terminals.until("bob", "exit=5")
        terminals.open("ann", f"{where} ann", 80, 24)
        terminals.until("ann", lambda text: "First visit to 127.0.0.1" in text and pin in text)
        terminals.press("ann", "y")
        terminals.until("ann", "You are ann")
        terminals.press("ann", "C-d")
        terminals.until("ann", "exit=0")


def test_unreachable_server_is_reported_without_a_screen(terminals: Terminals) -> None:
    terminals.open("ann", "--port 1 --name ann", 100, 12)
    text = terminals.until("ann", "exit=4")
    assert "No chat server answers at 127.0.0.1:1" in text
    assert "Traceback" not in text
