"""`chatctl serve` as an operator runs it: environment alone, signals, exit codes, what it prints."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import ircstates
import irctokens
import pytest

from tests.deadline import eventually
from tests.e2e.processes import CHATCTL, DEADLINE, ServeProcess, Terminal, chatctl, environment
from tests.wire import Wire

pytestmark = pytest.mark.e2e


def test_server_configured_by_variables_serves_three_clients(tmp_path: Path) -> None:
    variables = {"CHATCTL_LISTENER_LIMIT": "3", "CHATCTL_NETWORK": "Tea", "CHATCTL_MOTD": "Welcome!"}
    with ServeProcess(tmp_path, **variables) as server:
        people = [Wire(server.port).login(nick, "#lobby") for nick in ("ann", "bob", "cleo")]
        for speaker in people:
            speaker.send("PRIVMSG #lobby :hi from " + str(people.index(speaker)))
        for listener in people:
            for speaker in people:
                if speaker is not listener:
                    assert listener.until("PRIVMSG").params[1].startswith("hi from ")
        fourth = Wire(server.port).send("NICK dave", "USER u 0 * :r")
        assert "listener_limit = 3" in fourth.until("ERROR").params[0]
        assert fourth.until_end() == []
        for wire in [*people, fourth]:
            wire.close()


def test_banner_shows_address_and_command(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server:
        assert f"chatctl join --port {server.port}\n" in server.banner
        assert f"/connect 127.0.0.1 {server.port}" in server.banner
        assert "only this computer" in server.banner
        assert "--host 0.0.0.0" in server.banner
        assert "--listener-limit" in server.banner
        assert "History:" in server.banner


def test_banner_of_a_wildcard_address_shows_real_addresses(tmp_path: Path) -> None:
    with ServeProcess(tmp_path, CHATCTL_HOST="0.0.0.0") as server:
        join = next(line for line in server.banner.splitlines() if "Join:" in line)
        assert "0.0.0.0" not in join
        assert "Fingerprint: SHA256:" in server.banner


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_notifies_all_clients_and_exits_with_0(tmp_path: Path, number: int) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann", "#lobby") as ann:
        server.process.send_signal(number)
        assert ann.until_end()[-1].params == ["The server is stopping"]
        ann.close()
        assert server.process.wait(DEADLINE) == 0


def test_sighup_on_a_terminal_stops_cleanly(tmp_path: Path) -> None:
    """The window is closed: the system hangs up, and a shell says it again."""
    variables = {"CHATCTL_PORT": "0", "CHATCTL_DATA_DIR": str(tmp_path / "data")}
    with Terminal([CHATCTL, "serve"], environment(tmp_path, **variables), columns=200) as terminal:
        shown = "\n".join(terminal.until("Ctrl-C"))
        found = re.search(r"Listening: +\S+:(\d+)", shown)
        assert found
        with Wire(int(found[1])).login("ann", "#lobby") as ann:
            ann.send("PRIVMSG #lobby :kept").ping()
            terminal.hang_up()
            assert ann.until_end()[-1].params == ["The server is stopping"]
        assert terminal.exit_code() == 0
    assert "kept" in chatctl(tmp_path, "history", "#lobby", CHATCTL_DATA_DIR=variables["CHATCTL_DATA_DIR"]).stdout


def test_sighup_without_a_terminal_reads_the_settings_again(tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text('motd = "before"\n')
    settings.chmod(0o600)
    with ServeProcess(tmp_path, "--config", str(settings)) as server, Wire(server.port).login("ann") as ann:
        settings.write_text('motd = "after"\n')
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "after" in ann.send("MOTD").until("372").params[-1], "the new motd")
        assert server.stop()[0] == 0


def test_same_signal_delivered_twice_stops_cleanly(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann") as ann:
        server.process.send_signal(signal.SIGTERM)  # as `timeout` does: its child, and then all of its group
        server.process.send_signal(signal.SIGINT)  # another number, since the system makes one of two equal ones
        assert ann.until_end()[-1].params == ["The server is stopping"]
        ann.close()
        assert server.process.wait(DEADLINE) == 0


def test_second_signal_ends_the_server_at_once(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann"):
        server.process.send_signal(signal.SIGTERM)  # ann does not hang up, so stopping would wait for a while
        while server.process.poll() is None:
            try:
                server.process.send_signal(signal.SIGINT)
            except ProcessLookupError:
                break
        assert server.process.returncode in (130, 0)


def test_log_is_json_and_contains_no_message_text(tmp_path: Path) -> None:
    with ServeProcess(tmp_path, CHATCTL_LOG__LEVEL="debug", CHATCTL_PASSWORD="sesame") as server:
        with Wire(server.port) as ann:
            ann.send("PASS sesame").login("ann", "#lobby")
            ann.send("PRIVMSG #lobby :a-very-private-word", "TOPIC #lobby :another-word").ping()
        code, err = server.stop()
    assert code == 0
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert "user registered" in events
    for word in ("private", "another-word", "sesame"):
        assert word not in err


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        (["--port", "99999"], {}, "--port is"),
        ([], {"CHATCTL_PORT": "abc"}, "CHATCTL_PORT is"),
        ([], {"CHATCTL_PROT": "1"}, "did you mean CHATCTL_PORT?"),
        (["--host", "no.such.host.invalid"], {}, "No address is known"),
        (["--config", "/no/such/file.toml"], {}, "/no/such/file.toml"),
        ([], {"CHATCTL_LISTENER_LIMIT": "0"}, "CHATCTL_LISTENER_LIMIT is"),
        ([], {"CHATCTL_TLS__MODE": "maybe"}, "CHATCTL_TLS__MODE"),
    ],
)
def test_invalid_setting_prints_one_line_and_exits_with_2(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], expected: str
) -> None:
    done = chatctl(tmp_path, "serve", *arguments, **variables)
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_port_in_use_exits_with_2(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server:
        done = chatctl(tmp_path, "serve", "--port", str(server.port), "--no-history")
        assert done.returncode == 2
        assert "in use already" in done.stderr


def test_port_without_permission_exits_with_2(tmp_path: Path) -> None:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", 1))
        except PermissionError:
            pass
        else:
            pytest.skip("this user may open any port")
    done = chatctl(tmp_path, "serve", "--port", "1")
    assert done.returncode == 2
    assert "may not open port 1" in done.stderr


def test_independent_parsers_read_all_output(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server:
        ann = Wire(server.port)
        bob = Wire(server.port).login("bob", "#tea")
        state = ircstates.Server("test")
        caps = "server-time message-tags echo-message multi-prefix userhost-in-names"
        for line in ("CAP LS 302", f"CAP REQ :{caps}", "CAP END", "NICK ann", "USER u 0 * :Ann"):
            ann.send(line)
        ann.send("JOIN #tea", "JOIN #own", "TOPIC #own :Green :or black?", "MODE #own +v ann", "NICK anna")
        bob.until(lambda m: m.command == "JOIN" and m.nick == "ann")
        bob.send("PRIVMSG #tea :hi", "TOPIC #tea :x", "MODE #tea +o anna", "NICK bobby", "PART #tea :bye")
        for line in ("WHO #own", "WHOIS anna", "LIST", "NAMES #own", "MODE #own", "AWAY :gone", "MOTD", "LUSERS"):
            ann.send(line)
        ann.until("PART")
        ann.ping("end")
        for message in ann.read:
            tokens = irctokens.tokenise(_line(message))
            state.parse_tokens(tokens)
        assert state.nickname == "anna"
        assert set(state.channels) == {"#tea", "#own"}
        own = state.channels["#own"]
        assert own.topic == "Green :or black?"
        assert set(own.users["anna"].modes) == {"o", "v"}
        assert set(own.modes) == {"n", "t"}
        assert "bob" not in state.users
        assert state.isupport.network == "chatctl"
        assert set(state.agreed_caps) >= set(caps.split())
        ann.close()
        bob.close()


def _line(message: object) -> str:
    from chatctl.protocol.message import Message, encode

    assert isinstance(message, Message)
    return encode(message.command, message.params, message.source, message.tags).decode().removesuffix("\r\n")


def test_version_and_check_name_load_no_heavy_module(tmp_path: Path) -> None:
    heavy = ("textual", "sqlite3", "ssl", "cryptography", "prompt_toolkit", "rich", "asyncio")
    script = (
        "import sys, runpy\n"
        "sys.argv = {argv!r}\n"
        "try:\n    runpy.run_module('chatctl', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
    )
    with ServeProcess(tmp_path) as server:
        cases: list[tuple[list[str], tuple[str, ...]]] = [(["chatctl", "--version"], heavy)]
        # pydantic-settings itself loads asyncio and, for that, ssl.
        checked = tuple(name for name in heavy if name not in ("asyncio", "ssl"))
        cases.append((["chatctl", "check-name", "--port", str(server.port), "ann"], checked))
        for argv, names in cases:
            done = subprocess.run(
                [sys.executable, "-c", script.format(argv=argv, heavy=names)],
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=False,
            )
            assert done.stderr.strip() == "[]", done.stderr
