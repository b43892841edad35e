"""`chatctl join --plain` as a process in a terminal."""

from __future__ import annotations

import os
import re

import pexpect
import pytest

from chatctl.chat.model.policy import Rules
from chatctl.server import Server
from tests.cli.commands import COMMAND
from tests.ports import steady_port
from tests.wire import DEADLINE, Wire

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("environment")]


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

    def test_user_talks_and_leaves(self, server: Server, bob: Wire) -> None:
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

    def test_name_is_remembered(self, server: Server, bob: Wire) -> None:
        first = self.spawn("--port", str(server.port))
        first.expect("Your name: ")
        first.send("zoe\r")
        first.expect(re.escape("by a password? [y/N]"))
        first.send("n\r")
        first.expect("You are zoe on chatctl")
        first.send("/quit\r")
        assert self.end(first) == 0
        again = self.spawn("--port", str(server.port))
        again.expect("You are zoe on chatctl")
        again.send("/quit\r")
        assert self.end(again) == 0

    def test_taken_name_is_asked_again_with_free_alternatives(self, server: Server, bob: Wire) -> None:
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

    def test_answer_that_is_neither_yes_nor_no_is_not_sent_to_the_room(self, server: Server, bob: Wire) -> None:
        terminal = self.spawn("--port", str(server.port))
        terminal.expect("Your name: ")
        terminal.send("ann\r")
        terminal.expect(re.escape("[y/N] "))
        terminal.send("sesame street\r")
        terminal.expect("Nothing was sent")
        terminal.expect(re.escape("[y/N] "))
        terminal.send("\r")
        terminal.expect("You are ann on")
        terminal.send("hello to all\r")
        assert bob.until("PRIVMSG").params[1] == "hello to all"
        terminal.expect(re.escape("[ann]: hello to all"))
        terminal.send("/quit\r")
        assert self.end(terminal) == 0

    def test_password_is_asked_for_without_echo(self) -> None:
        with Server(port=0, rules=Rules(password="sesam")) as server:
            terminal = self.spawn("--port", str(server.port), "--name", "ann")
            terminal.expect("password")
            terminal.waitnoecho(DEADLINE)
            terminal.send("sesam\r")
            terminal.expect("You are ann on")
            assert "sesam" not in str(terminal.before)
            terminal.sendintr()
            assert self.end(terminal) == 0

    def test_password_typed_twice_is_not_sent_to_the_room(self, server: Server, bob: Wire) -> None:
        with Wire(server.port).login("eve") as eve:
            eve.send("PRIVMSG NickServ :REGISTER sesame-street").until("900")
        terminal = self.spawn("--port", str(server.port), "--name", "eve")
        terminal.expect("Password of the account eve")
        terminal.waitnoecho(DEADLINE)
        terminal.send("sesame-street\rsesame-street\r")
        terminal.expect("You are eve on")
        terminal.send("sesame-street\r")
        terminal.expect("That is your password, so it was not sent")
        terminal.send("hello\r")
        assert bob.until("PRIVMSG").params[1] == "hello"
        terminal.send("/quit\r")
        assert self.end(terminal) == 0

    def test_pasted_lines_are_separate_messages(self, server: Server, bob: Wire) -> None:
        ann = self.spawn("--port", str(server.port), "--name", "ann")
        ann.expect("In #lobby: bob, you")
        ann.send("\x1b[200~/etc/hosts\none\n/me waves\x1b[201~\r")
        ann.expect("The command /etc/hosts")
        assert bob.until("PRIVMSG").params[1] == "one"
        assert bob.until("PRIVMSG").params[1] == "\x01ACTION waves\x01"
        ann.send("/quit\r")
        assert self.end(ann) == 0

    def test_too_long_name_is_asked_again(self, server: Server) -> None:
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

    def test_account_is_offered_once_and_its_question_is_not_interrupted(self, server: Server) -> None:
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
        terminal.expect("Password of the account ann")
        terminal.send("sesame street\r")
        terminal.expect("You are ann on")
        assert "Keep the name" not in str(terminal.before)
        terminal.sendintr()
        assert self.end(terminal) == 0

    def test_interrupt_before_registration_exits_with_130(self, server: Server) -> None:
        for key in ("\x03", "\x04"):
            terminal = self.spawn("--port", str(server.port))
            terminal.expect("Your name: ")
            terminal.send(key)
            assert self.end(terminal) == 130

    def test_unreachable_server_is_reported_before_the_name_is_asked(self) -> None:
        terminal = self.spawn("--port", "1")
        terminal.expect("No chat server answers at 127.0.0.1:1")
        assert self.end(terminal) == 4

    def test_dumb_terminal_reads_plain_lines(self, server: Server, bob: Wire) -> None:
        terminal = self.spawn("--port", str(server.port), "--name", "ann", TERM="dumb")
        terminal.expect("You are ann on")
        terminal.send("hi\n/me waves\n")
        assert bob.until("PRIVMSG").params[1] == "hi"
        assert bob.until("PRIVMSG").params[1] == "\x01ACTION waves\x01"
        terminal.send("/quit\n")
        assert self.end(terminal) == 0

    def test_client_reconnects_when_the_server_returns(self) -> None:
        with Server(port=steady_port()) as first:
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
