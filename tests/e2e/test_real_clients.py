"""People at real terminals: `chatctl join` and irssi side by side, in several scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.processes import CHATCTL, ServeProcess, Terminal, chatctl, environment, needs
from tests.wire import Wire

pytestmark = pytest.mark.e2e


def test_irssi_and_join_talk_in_both_directions(tmp_path: Path) -> None:
    needs("irssi")
    with ServeProcess(tmp_path) as server:
        env = environment(tmp_path, CHATCTL_PORT=str(server.port))
        home = tmp_path / "irssi"
        connect = ["irssi", f"--home={home}", "-n", "irina", "-c", "127.0.0.1", "-p", str(server.port)]
        with Terminal(connect, env) as irssi, Terminal([CHATCTL, "join", "--plain", "--name", "ann"], env) as ann:
            irssi.until("This server has no message of the day")
            irssi.enter("/join #lobby")
            ann.until("irina joined")
            irssi.enter("hello Ann, ça va? Привет")
            ann.until("[irina]: hello Ann, ça va? Привет")
            ann.enter("fine: 元気 🎉 ok")
            irssi.until("ann> fine:")
            irssi.enter("/nick irene")
            ann.until("irina is now irene")
            irssi.enter("/msg ann psst")
            ann.until("[irene -> you]: psst")
            ann.enter("/topic Tea at five")
            irssi.until("Tea at five")
            irssi.enter("/quit bye now")
            ann.until("irene left (bye now)")
            ann.enter("/quit")
            assert ann.until_end() == 0


def test_incoming_messages_do_not_break_the_input_line(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port).login("bob", "#lobby") as bob:
        env = environment(tmp_path, CHATCTL_PORT=str(server.port))
        with Terminal([CHATCTL, "join", "--plain", "--name", "ann"], env, columns=40, lines=12) as ann:
            ann.until("[ann]:")
            ann.enter("half a li", submit=False)
            ann.until("[ann]: half a li")
            for number in range(5):
                bob.send(f"PRIVMSG #lobby :\x1b[31mmessage {number}\x07 \u202eabc")
            shown = ann.until("message 4")
            assert any(line.startswith("[bob]: message 0") for line in shown), "\n".join(shown)
            ann.enter("ne")
            assert bob.until("PRIVMSG").params[1] == "half a line"
            ann.until("[ann]: half a line")


def test_sixth_client_is_refused_with_the_limit(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server:
        people = [Wire(server.port).login(f"user{number}", "#lobby") for number in range(5)]
        port = str(server.port)
        sixth = chatctl(tmp_path, "join", "--name", "late", stdin="hi\n", CHATCTL_PORT=port)
        assert sixth.returncode == 5
        assert "all 5 places are taken" in sixth.stderr
        asking = chatctl(tmp_path, "check-name", "late", CHATCTL_PORT=port)
        assert (asking.returncode, asking.stdout.split()) == (0, ["late", "free"])
        people[0].send("QUIT").until_end()
        people[0].close()
        again = chatctl(tmp_path, "join", "--name", "late", stdin="hi\n", CHATCTL_PORT=port)
        assert again.returncode == 0, again.stderr
        assert people[1].until("PRIVMSG").params == ["#lobby", "hi"]
        for wire in people[1:]:
            wire.close()
