"""IRCv3 with independent client programs: two libraries, and WeeChat's screen."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import ircstates
import irctokens
import miniirc
import pytest

from tests.e2e.processes import ServeProcess, Terminal, environment, needs
from tests.wire import Wire

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("default"),  # the libraries' own
]

CAPS = {"message-tags", "server-time", "echo-message", "batch", "labeled-response", "setname", "away-notify"}
MORE = "message-tags server-time echo-message batch labeled-response setname away-notify extended-join chghost"


class Mini:
    """miniirc, with the tags of what it hears."""

    def __init__(self, port: int) -> None:
        self.heard: queue.SimpleQueue[tuple[str, dict[str, Any], list[str]]] = queue.SimpleQueue()
        self.irc = miniirc.IRC(
            "127.0.0.1", port, "mini", ssl=False, ircv3_caps=set(CAPS), auto_connect=False, persist=False
        )
        self.irc.CmdHandler("PRIVMSG", "TAGMSG", "SETNAME", "AWAY", "ACK", "BATCH", "366", colon=False, ircv3=True)(
            self._hear
        )
        self.irc.connect()

    def _hear(self, irc: Any, command: str, source: Any, tags: dict[str, Any], words: list[str]) -> None:
        self.heard.put((command, dict(tags), list(words)))

    def until(self, command: str) -> tuple[dict[str, Any], list[str]]:
        while True:
            heard, tags, words = self.heard.get(timeout=20)
            if heard == command:
                return tags, words


def test_two_libraries_exchange_tags_labels_echoes_and_changes(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port) as wire:
        state = ircstates.Server("here")

        def follow(command: str) -> irctokens.Line:
            """The next line with this command, after the library has seen all up to it."""
            while True:
                message = wire.until(lambda message: True)
                tags = dict(message.tags) or None
                line = irctokens.Line(tags, message.source or None, message.command, list(message.params))
                state.parse_tokens(line)
                if line.command == command:
                    return line

        wire.send("CAP LS 302", f"CAP REQ :{MORE}", "NICK stan", "USER s 0 * :Stan", "CAP END", "JOIN #tea")
        follow("366")
        mini = Mini(server.port)
        mini.irc.quote("JOIN #tea")
        mini.until("366")
        assert mini.irc.active_caps >= CAPS
        assert follow("JOIN").params == ["#tea", "*", "mini"]

        mini.irc.quote("@label=one;+draft/reply=x PRIVMSG #tea :hello")
        tags, words = mini.until("PRIVMSG")
        assert (tags["label"], words) == ("one", ["#tea", "hello"])
        heard = follow("PRIVMSG")
        assert heard.tags is not None
        assert (heard.tags["msgid"], heard.tags["+draft/reply"]) == (tags["msgid"], "x")
        assert "label" not in heard.tags
        mini.irc.quote("@+typing=active TAGMSG #tea")
        heard = follow("TAGMSG")
        assert heard.tags is not None
        assert heard.tags["+typing"] == "active"

        mini.irc.quote("SETNAME :A New Name")
        follow("SETNAME")
        mini.irc.quote("AWAY :at lunch")
        follow("AWAY")
        assert state.users["mini"].realname == "A New Name"
        assert state.users["mini"].away == "at lunch"
        wire.send("AWAY :me too")
        assert mini.until("AWAY")[1] == ["me too"]
        wire.send("@label=two PRIVMSG mini :psst")
        heard = follow("BATCH")  # the echo, and that mini is away
        assert heard.tags == {"label": "two"}
        assert heard.params[1] == "labeled-response"
        follow("301")
        assert mini.until("PRIVMSG")[1] == ["mini", "psst"]
        mini.irc.disconnect()


def test_weechat_receives_and_sends_typing_notifications(tmp_path: Path) -> None:
    needs("weechat")
    needs("sh", "-c", "ls /usr/lib/*/weechat/plugins/typing.so")  # Debian's weechat-plugins
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann", "#tea", caps=MORE) as ann:
        env = environment(tmp_path)
        with Terminal(["weechat", "-d", str(tmp_path / "weechat")], env) as weechat:
            weechat.until("WeeChat")
            for command in (
                "/set irc.look.typing_status_nicks on",
                "/set irc.look.typing_status_self on",
                "/set typing.look.enabled_nicks on",
                "/set typing.look.enabled_self on",
                f"/server add here 127.0.0.1/{server.port} -notls -nicks=wanda -capabilities=*",
                "/connect here",
            ):
                weechat.enter(command)
            weechat.until("This server has no message of the day")
            weechat.enter("/join #tea")
            ann.until("JOIN")
            ann.send("PRIVMSG #tea :hello wanda")
            weechat.until("hello wanda")
            ann.send("@+typing=active TAGMSG #tea")
            weechat.until("Typing: ann")
            ann.send("@+draft/reply=x PRIVMSG #tea :a reply in a thread")
            weechat.until("a reply in a thread")
            weechat.enter("something long", submit=False)
            assert ann.until(lambda message: message.command == "TAGMSG" and message.nick == "wanda").tags["+typing"]
            weechat.enter("/quit")
