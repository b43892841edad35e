"""TLS as people meet it: `join` and its questions, irssi, WeeChat, openssl."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.processes import CHATCTL, DEADLINE, ServeProcess, Terminal, chatctl, environment, needs
from tests.ports import steady_port
from tests.wire import Wire

pytestmark = pytest.mark.e2e


def shown(server: ServeProcess, label: str) -> str:
    found = re.search(rf"{label}: +(?:SHA-256 )?(\S+)", server.banner)
    assert found
    return found[1]


def test_first_visit_asks_about_the_certificate_and_second_does_not(tmp_path: Path) -> None:
    with ServeProcess(tmp_path, CHATCTL_TLS__MODE="required") as server:
        command = [CHATCTL, "join", "--plain", f"ircs://127.0.0.1:{server.port}/tea", "--name", "ann"]
        with Terminal(command, environment(tmp_path), columns=120) as ann:
            ann.until("Is it the same in the server's window? [y/N]")
            ann.until(shown(server, "Fingerprint"))
            ann.enter("y")
            ann.until("You are in #tea")
            ann.enter("/quit")
            assert ann.until_end() == 0
        piped = chatctl(tmp_path, *command[1:], stdin="hi\n")
        assert piped.returncode == 0, piped.stderr


def test_rejected_certificate_ends_the_visit(tmp_path: Path) -> None:
    with ServeProcess(tmp_path, CHATCTL_TLS__MODE="required") as server:
        command = [CHATCTL, "join", "--plain", "--tls", "--port", str(server.port), "--name", "ann"]
        with Terminal(command, environment(tmp_path), columns=120) as ann:
            ann.until("[y/N]")
            ann.enter("")
            assert ann.until_end() == 5


def test_full_screen_asks_about_the_certificate(tmp_path: Path) -> None:
    """Only y means yes; an accepted certificate is remembered; another one ends with 5, without a question."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir(mode=0o700)
    port = steady_port()
    variables = {"CHATCTL_TLS__MODE": "required", "CHATCTL_DATA_DIR": str(tmp_path / "one")}
    with ServeProcess(tmp_path, CHATCTL_PORT=str(port), **variables) as server:
        command = [CHATCTL, "join", f"ircs://127.0.0.1:{port}/tea", "--name", "ann"]
        with Terminal(command, environment(tmp_path)) as ann:
            ann.until(f"First visit to 127.0.0.1:{port}", shown(server, "Fingerprint"), "Esc: no")
            ann.child.send(b"\x1b")
            assert ann.until_end() == 5
        with Terminal(command, environment(tmp_path)) as ann:
            ann.until(shown(server, "Fingerprint"), "Esc: no")
            ann.enter("")
            ann.enter("y", submit=False)
            ann.until("You are ann")
            ann.until("#tea", "connected")
            ann.enter("/quit")
            assert ann.until_end() == 0
        with Terminal(command, environment(tmp_path)) as ann:
            ann.until("You are ann")
        server.stop()
    variables["CHATCTL_DATA_DIR"] = str(tmp_path / "two")
    with ServeProcess(tmp_path, "--port", str(port), **variables), Terminal(command, environment(tmp_path)) as ann:
        assert ann.until_end() == 5
        # Where the screen had come up, the sentence begins, and wraps, wherever the cursor was.
        assert "another certificate".replace(" ", "") in "".join(ann.shown()).replace(" ", "")


def test_fingerprint_is_accepted_without_a_terminal(tmp_path: Path) -> None:
    with ServeProcess(tmp_path, CHATCTL_TLS__MODE="required") as server:
        url = f"ircs://127.0.0.1:{server.port}"
        asking = chatctl(tmp_path, "check-name", url, "ann")
        assert asking.returncode == 5
        assert f"--fingerprint {shown(server, 'Fingerprint')}" in asking.stderr
        plain = chatctl(tmp_path, "check-name", "ann", "--no-tls", CHATCTL_PORT=str(server.port))
        assert plain.returncode == 5
        assert "use TLS on this same port" in plain.stderr
        given = chatctl(tmp_path, "check-name", url, "ann", "--fingerprint", shown(server, "Fingerprint"))
        assert (given.returncode, given.stdout.split()) == (0, ["ann", "free"])


def test_changed_certificate_exits_with_5_and_says_how_to_accept_it(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir(mode=0o700)
    variables = {
        "CHATCTL_TLS__MODE": "required",
        "CHATCTL_DATA_DIR": str(tmp_path / "one"),
        "CHATCTL_PORT": str(steady_port()),
    }
    with ServeProcess(tmp_path, **variables) as server:
        url, first = f"ircs://127.0.0.1:{server.port}/lobby", shown(server, "Fingerprint")
        joined = chatctl(tmp_path, "join", url, "--name", "ann", "--fingerprint", first, stdin="hi\n")
        assert joined.returncode == 0, joined.stderr
    variables["CHATCTL_DATA_DIR"] = str(tmp_path / "two")
    with ServeProcess(tmp_path, **variables) as other:
        second = shown(other, "Fingerprint")
        assert second != first
        for command in (["join", url, "--name", "ann"], ["check-name", url, "ann"]):
            refused = chatctl(tmp_path, *command, stdin="hi\n")
            assert refused.returncode == 5
            assert f"--fingerprint {second}" in refused.stderr
        accepted = chatctl(tmp_path, "join", url, "--name", "ann", "--fingerprint", second, stdin="hi\n")
        assert accepted.returncode == 0, accepted.stderr


def test_irssi_connects_over_tls(tmp_path: Path) -> None:
    needs("irssi")
    home = f"--home={tmp_path / 'irssi'}"
    with (
        ServeProcess(tmp_path, CHATCTL_TLS__MODE="optional") as server,
        Wire(server.port).login("bob", "#lobby") as bob,
        Terminal(["irssi", home, "-n", "irina"], environment(tmp_path)) as irssi,
    ):
        irssi.until("Irssi")
        pinned = ":".join(re.findall("..", shown(server, "Certificate").upper()))
        irssi.enter(f"/connect -tls -tls_pinned_cert {pinned} 127.0.0.1 {server.port}")
        irssi.until("This server has no message of the day")
        irssi.enter("/join #lobby")
        bob.until(lambda m: m.command == "JOIN" and m.nick == "irina")
        irssi.enter("over TLS 🔒")
        assert bob.until("PRIVMSG").params[1] == "over TLS 🔒"
        bob.send("PRIVMSG #lobby :read you")
        irssi.until("read you")


def test_weechat_connects_over_tls(tmp_path: Path) -> None:
    needs("weechat")
    with (
        ServeProcess(tmp_path, CHATCTL_TLS__MODE="optional") as server,
        Wire(server.port).login("bob", "#lobby") as bob,
    ):
        connect = (
            f"/server add chat 127.0.0.1/{server.port} -tls -tls_fingerprint={shown(server, 'Certificate')}"
            " -nicks=wanda -autojoin=#lobby;/connect chat"
        )
        with Terminal(["weechat", "-d", str(tmp_path / "weechat"), "-r", connect], environment(tmp_path)) as weechat:
            bob.until(lambda m: m.command == "JOIN" and m.nick == "wanda")
            bob.send("PRIVMSG #lobby :read you")
            weechat.until("read you")
            weechat.enter("/quit")


def test_openssl_shows_the_certificate(tmp_path: Path) -> None:
    needs("openssl", "version")
    with ServeProcess(tmp_path) as server:
        asked = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-showcerts"]
        done = subprocess.run(asked, input="", capture_output=True, text=True, timeout=DEADLINE, check=False)
        digest = subprocess.run(
            ["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
            input=done.stdout,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=True,
        )
    assert "TLSv1.3" in done.stdout
    found = digest.stdout.strip().partition("=")[2].replace(":", "").lower()
    assert found == shown(server, "Certificate")
