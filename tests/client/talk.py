"""A state and what it said: for tests without a thread."""

from __future__ import annotations

from datetime import UTC, datetime

from chatctl.client import events as e
from chatctl.client.engine import ClientEngine
from chatctl.client.login.resume_tokens import ResumeTokens

HISTORY = "batch draft/chathistory "
NOW = datetime(2026, 11, 22, 15, 41, 13, 123000, tzinfo=UTC)
OURS = "cap-notify chatctl/resume echo-message message-tags multi-prefix server-time standard-replies"
ISUPPORT = ":s 005 ann CASEMAPPING=ascii CHANTYPES=# NETWORK=net PREFIX=(ov)@+ :are supported"


class Talk:
    """A state and what it said."""

    def __init__(self, *rooms: str, name: str = "ann", password: str | None = None, attentive: bool = False) -> None:
        identity = ResumeTokens("secret", "instance")
        self.state = ClientEngine(
            name, rooms, password=password, identity=identity, attentive=attentive, now=lambda: NOW
        )
        self.state.client_id = "me"
        self.events: list[e.Event] = []

    def sent(self, *, tags: bool = False) -> list[str]:
        """The lines that went out; without their tags where those are not asked for."""
        data = b"".join(line.data for line in self.state.lines)
        lines = data.decode().removesuffix("\r\n").split("\r\n") if data else []
        self.state.lines.clear()
        return lines if tags else [line.partition(" ")[2] if line[:1] == "@" else line for line in lines]

    def heard(self, *lines: str) -> list[e.Event]:
        for line in lines:
            self.state.receive(line)
        return self.news()

    def news(self) -> list[e.Event]:
        news, self.state.events = self.state.events, []
        return news

    def enter(self, caps: str | None = OURS, nick: str = "ann") -> list[e.Event]:
        """Connect and get in, with the capabilities `caps`, or without CAP."""
        self.state.connected()
        if caps is None:
            self.state.receive(":s 421 * CAP :Unknown command")
        else:
            self.state.receive(f":s CAP * LS :{caps}")
            asked = [line.partition(":")[2] for line in self.sent() if line.startswith("CAP REQ")]
            for wanted in asked:
                self.state.receive(f":s CAP * ACK :{wanted}")
        news = self.heard(f":s 001 {nick} :Welcome", ISUPPORT, f":s 422 {nick} :No MOTD")
        for line in self.sent():
            if line.startswith("PING"):
                self.state.receive(f":s PONG s {line.split()[1]}")
        return news


def in_lobby() -> Talk:
    """Ann is in #lobby of a server of ours, with bob."""
    talk = Talk("#lobby")
    talk.enter()
    talk.heard(":ann!~chatctl@cloak JOIN #lobby", ":s 353 ann = #lobby :@bob ann", ":s 366 ann #lobby :End")
    return talk
