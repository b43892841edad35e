"""The output of the line client, without a server and a terminal."""

from __future__ import annotations

import io
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from chatctl.cli.plain.screen import LineScreen, OutputStyle, json_line
from chatctl.client import Client
from chatctl.client import events as e
from chatctl.client.events.sentences import _WORDS

NOW = datetime(2026, 11, 22, 15, 41, 13, 123000, tzinfo=UTC)
PERSON = OutputStyle(person=True, editing=True, colour=False, as_json=False)
PIPE = OutputStyle(person=False, editing=False, colour=False, as_json=False)
JSON = OutputStyle(person=False, editing=False, colour=False, as_json=True)
CONNECTED = e.Connected(time=NOW, name="ann", server="s", network="net")


class Nobody:
    """A client, as far as a screen looks at one."""

    name = "ann"
    online = True

    def fold(self, name: str) -> str:
        return name.casefold()

    def is_room(self, target: str) -> bool:
        return target.startswith("#")


class Shown:
    """A screen and what it wrote."""

    def __init__(self, style: OutputStyle, *, entered: bool = True, here: str = "") -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.screen = LineScreen(cast(Client, Nobody()), "host:1", style, self.out, self.err, here)
        if entered:
            self.tell(CONNECTED, e.Joined(time=NOW, room="#lobby", name="ann", own=True))
            self.lines()

    def tell(self, *events: e.Event) -> list[str]:
        for event in events:
            self.screen.event(event)
        return self.lines()

    def lines(self) -> list[str]:
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return text.splitlines()


def said(text: str, name: str = "bob", **more: Any) -> e.RoomMessage:
    return e.RoomMessage(time=NOW, room="#lobby", name=name, text=text, **more)


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (said("hello"), ["[bob]: hello"]),
        (said("mine", "ann", own=True), ["[ann]: mine"]),
        (said("waves", kind="action"), ["* bob waves"]),
        (said("beep", kind="notice"), ["[bob (notice)]: beep"]),
        (e.PrivateMessage(time=NOW, name="bob", to="ann", text="psst"), ["[bob -> you]: psst"]),
        (e.PrivateMessage(time=NOW, name="ann", to="bob", text="psst", own=True), ["[you -> bob]: psst"]),
        (e.Joined(time=NOW, room="#lobby", name="bob"), ["--> bob joined"]),
        (e.Parted(time=NOW, name="bob", rooms=("#lobby",), how="quit", reason="Quit: bye"), ["<-- bob left (bye)"]),
        (e.Parted(time=NOW, name="bob", rooms=("#lobby",), how="quit", reason="Quit"), ["<-- bob left"]),
        (e.Parted(time=NOW, name="bob", rooms=("#lobby",), how="part", reason=""), ["<-- bob left"]),
        (
            e.Parted(time=NOW, name="bob", rooms=("#lobby",), how="kick", reason="spam", by="eve"),
            ["<-- bob was removed from #lobby by eve (spam)"],
        ),
        (e.NickChanged(time=NOW, old="bob", name="rob"), ["--- bob is now rob"]),
        (e.Topic(time=NOW, room="#lobby", text="cats", name="bob"), ["--- bob set the topic of #lobby: cats"]),
        (e.Topic(time=NOW, room="#lobby", text=""), ["--- #lobby has no topic"]),
        (
            e.Names(time=NOW, room="#lobby", names=("ann", "bob"), operators=("bob",), asked=True),
            ["--- In #lobby: you, bob (operator)"],
        ),
        (
            e.Names(time=NOW, room="#lobby", names=("ann",), operators=(), asked=False),
            ["--- Nobody else is in #lobby yet"],
        ),
        (
            e.Who(time=NOW, mask="bob", people=(e.Person("bob", "~u", "h", "Bob", away=True, operator=False),)),
            ["--- bob  away  (Bob)"],
        ),
        (
            e.Missed(
                time=NOW,
                room="#lobby",
                events=(
                    e.Joined(time=NOW, room="#lobby", name="eve\x1b[2J"),
                    e.Parted(time=NOW, name="bob", rooms=("#lobby",), how="quit", reason="tea"),
                ),
            ),
            ["--- Meanwhile: eve joined · bob left"],
        ),
        (
            e.ModeChanged(time=NOW, target="#lobby", change="+o ann", name="bob"),
            ["--- bob made you an operator of #lobby"],
        ),
        (e.ModeChanged(time=NOW, target="#dev", change="+b eve!*@*", name="ann"), ["--- You banned eve from #dev"]),
        (
            e.ModeChanged(time=NOW, target="#dev", change="-m", name="bob"),
            ["--- bob let all members speak in #dev again"],
        ),
        (
            e.ModeChanged(time=NOW, target="#dev", change="+mi", name="bob"),
            ["--- bob changed the settings of #dev: +mi"],
        ),
        (e.Failed(time=NOW, text="No such nick", code="401", about="bob"), ["!!! bob: No such nick"]),
        (
            e.Failed(time=NOW, text="No user has the name bob", code="401", about="bob"),
            ["!!! No user has the name bob"],
        ),
        (e.Failed(time=NOW, text="Not registered", code="451", about="*"), ["!!! Not registered"]),
        (e.ServerNotice(time=NOW, text="news", code="372"), ["--- news"]),
        (e.Disconnected(time=NOW, reason=""), []),
    ],
)
def test_each_event_is_shown_as_a_sentence(event: e.Event, lines: list[str]) -> None:
    assert Shown(PERSON).tell(event) == lines


def test_every_event_class_has_a_sentence_or_needs_none() -> None:
    kinds = {kind for kind in vars(e).values() if isinstance(kind, type) and issubclass(kind, e.Event)}
    assert kinds - set(_WORDS) == {e.Event, e.Connected, e.Disconnected, e.Overrun}


def test_member_list_of_a_large_room_is_short() -> None:
    names = tuple(f"user{number}" for number in range(50))
    [line] = Shown(PERSON).tell(e.Names(time=NOW, room="#lobby", names=names, operators=(), asked=False))
    assert line.endswith("user19, and 30 more (/names shows all)")


NASTY = "x\x1b[2J\x1b]0;title\x07\x9b31m\x03,4red\u202eevil\nsecond\r\x00"


_FILLED: dict[str, object] = {
    "time": NOW,
    "rooms": (NASTY,),
    "people": (e.Person(NASTY, NASTY, NASTY, NASTY, away=False, operator=True),),
    "messages": (e.Outgoing(NASTY, NASTY),),
    "names": (NASTY,),
    "operators": (NASTY,),
    "own": False,
    "away": False,
    "asked": True,
    "seconds": 1.0,
    "kind": "message",
    "how": "kick",
    "number": 1,
    "until": None,
    "lines": (NASTY,),
    "ends": False,
    "failed": False,
    "events": (e.RoomMessage(time=NOW, room=NASTY, name=NASTY, text=NASTY),),
}


@pytest.mark.parametrize(
    "style", [PERSON, PIPE, JSON, OutputStyle(person=True, editing=True, colour=True, as_json=False)]
)
@pytest.mark.parametrize("kind", _WORDS)
def test_text_of_others_cannot_control_the_terminal(kind: type[e.Event], style: OutputStyle) -> None:
    values: dict[str, Any] = {field.name: _FILLED.get(field.name, NASTY) for field in fields(kind)}
    if kind is e.Listed:
        values["rooms"] = (e.ListedRoom(NASTY, 3, NASTY),)
    shown = Shown(style)
    lines = shown.tell(kind(**values))
    for line in [*lines, *shown.err.getvalue().splitlines()]:
        for code in ("\x1b[35m", "\x1b[2m", "\x1b[36m", "\x1b[31m", "\x1b[0m"):
            line = line.replace(code, "")  # noqa: PLW2901  # our own colours
        assert line.isprintable(), line


def test_json_preserves_text_and_is_printable() -> None:
    line = json_line({"text": f"{NASTY} héllo 👨\u200d👩 \U0001f600\U000e0041"})
    assert line.isprintable()
    assert "héllo" in line
    assert json.loads(line) == {"text": f"{NASTY} héllo 👨\u200d👩 \U0001f600\U000e0041"}


def test_right_to_left_text_cannot_move_the_rest_of_its_line() -> None:
    assert Shown(PERSON).tell(said("שלום")) == ["[bob]: \u2068שלום\u2069"]
    assert Shown(PIPE).tell(said("שלום")) == ["[bob]: שלום"]


def test_room_is_named_if_there_are_several() -> None:
    shown = Shown(PERSON)
    assert shown.tell(e.Joined(time=NOW, room="#dev", name="ann", own=True)) == ["--> You are in #dev"]
    assert shown.tell(said("hi")) == ["#lobby [bob]: hi"]
    assert shown.screen.prompt == "#lobby [ann]: "
    shown.screen.go("#dev")
    assert shown.screen.here == "#dev"
    left = e.Parted(time=NOW, name="ann", rooms=("#dev",), how="part", reason="", own=True)
    shown.lines()
    assert shown.tell(left) == ["<-- You left #dev", "--- You are writing to #lobby now"]
    assert shown.screen.prompt == "[ann]: "


def test_line_typed_after_join_goes_to_the_requested_room() -> None:
    """The server handles the JOIN first, so a line of the same burst is not sent to the former room."""
    shown = Shown(PERSON)
    shown.screen.go("#dev")
    assert shown.screen.here == "#dev"
    assert shown.screen.prompt == "#dev [ann]: "
    shown.tell(e.Joined(time=NOW, room="#Dev", name="ann", own=True))
    assert shown.screen.here == "#Dev"


def test_refused_join_leaves_the_former_room_current() -> None:
    shown = Shown(PERSON)
    shown.screen.go("#dev")
    lines = shown.tell(e.Failed(time=NOW, text="Cannot join (+i)", code="473", about="#dev"))
    assert lines[-1] == "--- You are still writing to #lobby"
    assert shown.screen.here == "#lobby"
    assert shown.tell(e.Failed(time=NOW, text="No such nick", code="401", about="#dev"))[1:] == []


def test_join_that_is_repeated_stays_requested() -> None:
    shown = Shown(PERSON)
    shown.screen.go("#dev")
    shown.tell(e.Failed(time=NOW, text="not stored; trying again", code="NOT_STORED", about="#dev"))
    assert shown.screen.here == "#dev"


def test_query_makes_a_person_current_at_once() -> None:
    shown = Shown(PERSON)
    shown.screen.go("bob")
    assert shown.screen.here == "bob"
    assert shown.screen.prompt == "bob [ann]: "
    shown.screen.go("#lobby")
    assert shown.screen.prompt == "[ann]: "


def test_room_joined_late_does_not_replace_a_later_choice() -> None:
    shown = Shown(PERSON)
    shown.screen.go("#dev")
    shown.screen.go("#lobby")
    shown.tell(e.Joined(time=NOW, room="#dev", name="ann", own=True))
    assert shown.screen.here == "#lobby"


def test_prompt_has_the_current_nick() -> None:
    shown = Shown(PERSON)
    shown.tell(e.NickChanged(time=NOW, old="ann", name="anna", own=True))
    assert shown.screen.prompt == "[anna]: "


def test_pipe_reads_messages_and_stderr_gets_errors() -> None:
    shown = Shown(PIPE)
    lines = shown.tell(
        said("hi"),
        said("mine", "ann", own=True),
        e.Names(time=NOW, room="#lobby", names=("ann",), operators=(), asked=False),
        e.ServerNotice(time=NOW, text="motd", code="372"),
        e.Joined(time=NOW, room="#lobby", name="eve"),
        e.Failed(time=NOW, text="no", code="404"),
        e.ServerNotice(time=NOW, text="You are faster than 10 messages a second", code="SLOWED"),
    )
    assert lines == ["[bob]: hi", "--> eve joined"]
    assert shown.err.getvalue() == "!!! no\n--- You are faster than 10 messages a second\n"
    assert shown.screen.failed == 1


def test_failed_attempt_shows_nothing() -> None:
    shown = Shown(PERSON, entered=False)
    assert shown.tell(e.ServerNotice(time=NOW, text="Looking up", code="NOTICE")) == []
    assert shown.tell(e.Disconnected(time=NOW, reason="name taken")) == []


def test_motd_is_shown_after_the_welcome() -> None:
    shown = Shown(PERSON, entered=False)
    notice = e.ServerNotice(time=NOW, text="*** Looking up your hostname", code="NOTICE")
    lines = shown.tell(notice, e.ServerNotice(time=NOW, text="Cats welcome", code="372"), CONNECTED)
    assert lines == [
        "--- You are ann on net (host:1)",
        "--- /help shows what you can type; /quit or Ctrl-D leaves",
        "--- Cats welcome",
    ]


def test_long_outage_is_reported_once() -> None:
    shown = Shown(PERSON)

    def trying(reason: str) -> e.Reconnecting:
        return e.Reconnecting(time=NOW, seconds=1.0, reason=reason)

    lines = shown.tell(trying("gone"), trying("refused"), trying("refused"), trying("gone"))
    assert lines == [
        "!!! No connection: gone. Trying again; what you type is sent when it is back",
        "!!! Still no connection: refused",
    ]
    back = e.Reconnected(time=NOW, name="ann", server="s", network="")
    assert shown.tell(back) == ["--- The connection is back"]
    assert len(shown.tell(trying("refused"))) == 1


def test_colour_codes_enclose_the_sentence() -> None:
    shown = Shown(OutputStyle(person=True, editing=True, colour=True, as_json=False))
    assert shown.tell(e.Joined(time=NOW, room="#lobby", name="bob")) == ["\x1b[2m--> bob joined\x1b[0m"]
    assert shown.tell(said("plain")) == ["[bob]: plain"]


def test_replayed_lines_show_their_time_to_a_person() -> None:
    now = datetime.now(UTC)
    before = now - timedelta(days=400)
    events = [said("then", history=True), said("now"), said("old", history=True)]
    told = [replace(event, time=time) for event, time in zip(events, (now, now, before), strict=True)]
    when = [now.astimezone().strftime("%H:%M"), before.astimezone().strftime("%Y-%m-%d %H:%M")]
    assert Shown(PERSON).tell(*told) == [f"{when[0]} [bob]: then", "[bob]: now", f"{when[1]} [bob]: old"]
    assert Shown(PIPE).tell(*told) == ["[bob]: then", "[bob]: now", "[bob]: old"], "a script gets the original text"


def test_closed_stdout_ends_the_screen() -> None:
    shown = Shown(PERSON)
    ended: list[bool] = []
    shown.screen.on_end = lambda: ended.append(True)
    shown.out.close()
    shown.screen.event(said("hi"))
    assert (shown.screen.broken, shown.screen.ended, ended) == (True, True, [True])


def test_missing_stdout_counts_as_closed() -> None:
    screen = LineScreen(cast(Client, Nobody()), "host:1", PERSON, None, None)
    screen.event(CONNECTED)
    assert (screen.broken, screen.ended) == (True, True)


def test_missing_stderr_is_ignored() -> None:
    screen = LineScreen(cast(Client, Nobody()), "host:1", PIPE, io.StringIO(), None)
    screen.event(CONNECTED)
    screen.event(e.Failed(time=NOW, text="no", code="404"))
    assert (screen.broken, screen.ended) == (False, False)


def test_events_before_registration_are_bounded() -> None:
    shown = Shown(PERSON, entered=False)
    shown.tell(*(e.ServerNotice(time=NOW, text=str(number), code="372") for number in range(5000)))
    assert 100 < len(shown.tell(CONNECTED)) < 1000


def test_wanted_room_is_current_from_the_beginning() -> None:
    shown = Shown(PERSON, entered=False, here="#lobby")
    shown.tell(CONNECTED)
    assert shown.screen.here == "#lobby"
    shown.tell(e.Joined(time=NOW, room="#welcome", name="ann", own=True))
    assert shown.screen.here == "#welcome"
    shown.tell(e.Joined(time=NOW, room="#Lobby", name="ann", own=True))
    assert shown.screen.here == "#Lobby"
    shown.tell(e.Joined(time=NOW, room="#news", name="ann", own=True))
    assert shown.screen.here == "#Lobby"
