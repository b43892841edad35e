"""The README is true: its transcripts are what the program prints, its code runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chatctl.cli.banner import banner
from tests.e2e.processes import CHATCTL, DEADLINE, ServeProcess, Terminal, chatctl, environment
from tests.wire import Wire

pytestmark = pytest.mark.e2e

README = Path(__file__).parents[2] / "README.md"


def block(kind: str, name: str) -> list[str]:
    """The lines of the code block that the comment `<!-- kind: name -->` stands before."""
    found = re.search(rf"<!-- {kind}: {name} -->\n```\w+\n(.*?)\n```", README.read_text(), re.DOTALL)
    assert found, f"no block {kind}: {name}"
    return found[1].split("\n")


def test_banner_of_a_server_matches_the_readme() -> None:
    printed = banner(
        [("127.0.0.1", 5106)],
        listener_limit=5,
        advertise="",
        tls_mode="auto",
        pin="SHA256:uTyErKtmMJlW6pVB0dtyCWFz6CyoaN5pBEKOPhJCmlg",
        fingerprint="4be1a9a7bd2d8d9c2c1e6d3b6f0a97a4f1bb9e2b2f8b7f5f3ffadfe2a8b3c5d1",
        needs_password=False,
        history="/home/ann/.local/share/chatctl",
        config_file="",
    )
    assert block("transcript", "serve") == ["$ chatctl serve", *printed.split("\n")]


def test_conversation_of_two_users_matches_the_readme(tmp_path: Path) -> None:
    expected = block("transcript", "two people")[1:]
    with (
        ServeProcess(tmp_path) as server,
        Terminal([CHATCTL, "join", "--plain"], environment(tmp_path, CHATCTL_PORT=str(server.port))) as ann,
    ):
        ann.until("Your name:")
        ann.enter("ann")
        ann.until("Keep the name ann for you alone")
        ann.enter("")
        ann.until("Nobody else is in #lobby yet")
        bob_env = environment(tmp_path, CHATCTL_PORT=str(server.port))
        with Terminal([CHATCTL, "join", "--plain", "--name", "bob"], bob_env) as bob:
            bob.until("In #lobby: ann, you")
            bob.enter("Hi Ann! 你好 👋")
            ann.until("[bob]: Hi Ann!")
            ann.enter("Welcome, Bob")
            bob.until("[ann]: Welcome, Bob")
            bob.enter("/me waves")
            ann.until("* bob waves")
            bob.enter("/msg ann can you keep a secret?")
            ann.until("keep a secret?")
            bob.enter("/quit tea is ready")
            assert bob.until_end() == 0
        shown = ann.until("<-- bob left")
        ann.enter("/quit")
        assert ann.until_end() == 0
    shown = [line.replace(f":{server.port}", ":5106") for line in shown[: len(expected)]]
    # A terminal emulator shows a wide character in two cells; compare without spaces.
    assert [line.replace(" ", "") for line in shown] == [line.replace(" ", "") for line in expected]


def test_join_with_a_taken_name_matches_the_readme(tmp_path: Path) -> None:
    expected = block("transcript", "taken")
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann"):
        env = environment(tmp_path, CHATCTL_PORT=str(server.port))
        with Terminal(["sh", "-c", f"{CHATCTL} {expected[0].removeprefix('$ chatctl ')}"], env) as terminal:
            shown = terminal.until("Your name")
            assert shown == expected[1:]


def test_check_name_matches_the_readme(tmp_path: Path) -> None:
    expected = block("transcript", "check-name")
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann"):
        arguments = expected[0].removeprefix("$ chatctl ").split()
        done = chatctl(tmp_path, *arguments, CHATCTL_PORT=str(server.port))
    assert done.stdout.splitlines() == expected[1:]
    assert done.returncode == 3


def test_library_example_of_the_readme_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(block("run", "library"))],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        timeout=DEADLINE,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["[bob]: hello, Ann", "True"]


def test_bot_example_of_the_readme_answers(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann", "#lobby") as ann:
        source = "\n".join(block("run", "bot")).replace("Client(", f"Client(port={server.port}, ")
        with subprocess.Popen([sys.executable, "-c", source], env=environment(tmp_path)) as bot:
            ann.until(lambda message: message.command == "JOIN" and message.nick == "echo")
            ann.send("PRIVMSG #lobby :!echo hello")
            answer = ann.until(lambda message: message.command == "PRIVMSG" and message.nick == "echo")
            bot.terminate()
    assert answer.params[1] == "hello"
