"""The effects of typed lines."""

from __future__ import annotations

import pytest

from chatctl.client import events as e
from chatctl.client.errors import InputError
from chatctl.client.slash import table


class Screen:
    """Writes down what it is asked; stands in for a client as well."""

    def __init__(self, here: str = "#lobby") -> None:
        self.here = here
        self.client: table.CommandClient = self
        self.name = "ann"
        self.rooms: tuple[str, ...] = ("#lobby", "#dev")
        self.ignored: tuple[str, ...] = ()
        self.done: list[tuple[str, ...]] = []

    def is_room(self, target: str) -> bool:
        return target.startswith("#")

    def room_of(self, name: str) -> str | None:
        return next((room for room in self.rooms if room == name.lower()), None)

    def say(self, target: str, text: str, kind: e.Kind = "message", reply: str = "") -> None:
        words = {"message": "say", "action": "act", "notice": "notice"}
        self.done.append((words[kind], target, text, *([reply] if reply else [])))

    def said(self, count: int, name: str = "") -> str | None:
        return f"{name or 'm'}{count}" if count < 9 else None

    def do(self, what: str, rest: str) -> None:
        self.done.append(("do", what, rest))

    def ignore(self, name: str) -> bool:
        self.done.append(("ignore", name))
        return True

    def react(self, target: str, id: str, reaction: str, *, remove: bool = False) -> None:
        self.done.append(("react", target, id, reaction))

    def delete(self, target: str, id: str, reason: str = "") -> None:
        self.done.append(("delete", target, id, *([reason] if reason else [])))

    def send_raw(self, command: str, *params: str) -> None:
        self.done.append((command, *params))

    def whois(self, name: str) -> None:
        self.done.append(("whois", name))

    def join(self, room: str, key: str = "") -> None:
        self.done.append(("join", room, key))

    def part(self, room: str, reason: str = "") -> None:
        self.done.append(("part", room, reason))

    def rename(self, name: str) -> None:
        self.done.append(("rename", name))

    def topic(self, room: str, text: str | None = None) -> None:
        self.done.append(("topic", room, *([] if text is None else [text])))

    def names(self, room: str) -> None:
        self.done.append(("names", room))

    def who(self, mask: str) -> None:
        self.done.append(("who", mask))

    def away(self, text: str = "") -> None:
        self.done.append(("away", text))

    def go(self, target: str) -> None:
        self.done.append(("go", target))

    def show(self, text: str) -> None:
        self.done.append(("show", text))

    def leave(self, reason: str) -> None:
        self.done.append(("leave", reason))


@pytest.mark.parametrize(
    ("line", "done"),
    [
        ("hello", [("say", "#lobby", "hello")]),
        ("  hello ", [("say", "#lobby", "  hello ")]),
        ("//etc/passwd", [("say", "#lobby", "/etc/passwd")]),
        ("", []),
        ("   ", []),
        ("/me waves", [("act", "#lobby", "waves")]),
        ("/ME waves", [("act", "#lobby", "waves")]),
        ("/msg bob  hi there", [("say", "bob", " hi there")]),
        ("/nick bobby", [("rename", "bobby")]),
        ("/query bob", [("go", "bob")]),
        ("/query bob hi", [("go", "bob"), ("say", "bob", "hi")]),
        ("/reply yes", [("say", "#lobby", "yes", "m1")]),
        ("/reply 2 yes", [("say", "#lobby", "yes", "m2")]),
        ("/react 👍", [("react", "#lobby", "m1", "👍")]),
        ("/react 3 +1", [("react", "#lobby", "m3", "👍")]),
        ("/react -1", [("react", "#lobby", "m1", "👎")]),
        ("/delete", [("delete", "#lobby", "ann1")]),
        ("/delete 2 oops", [("delete", "#lobby", "ann2", "oops")]),
        ("/delete bob rude", [("delete", "#lobby", "bob1", "rude")]),
        ("/kick bob too loud", [("KICK", "#lobby", "bob", "too loud")]),
        ("/ban bob", [("MODE", "#lobby", "+b", "bob!*@*"), ("KICK", "#lobby", "bob")]),
        ("/ban *!*@spam", [("MODE", "#lobby", "+b", "*!*@spam")]),
        ("/unban bob", [("MODE", "#lobby", "-b", "bob!*@*")]),
        ("/unban *!*@spam", [("MODE", "#lobby", "-b", "*!*@spam")]),
        ("/invite bob", [("INVITE", "bob", "#lobby")]),
        ("/mode +m", [("MODE", "#lobby", "+m")]),
        ("/mode #dev +o bob", [("MODE", "#dev", "+o", "bob")]),
        ("/whois bob", [("whois", "bob")]),
        ("/back", [("away", "")]),
        ("/search tea", [("do", "search", "tea")]),
        ("/theme dark", [("do", "theme", "dark")]),
        ("/list", [("LIST",)]),
        ("/raw lusers", [("LUSERS",)]),
        ("/names", [("names", "#lobby")]),
        ("/names #dev", [("names", "#dev")]),
        ("/topic", [("topic", "#lobby")]),
        ("/topic all about cats", [("topic", "#lobby", "all about cats")]),
        ("/topic #dev", [("topic", "#dev")]),
        ("/topic #dev dogs", [("topic", "#dev", "dogs")]),
        ("/join new", [("join", "#new", ""), ("go", "#new")]),
        ("/join #new key", [("join", "#new", "key"), ("go", "#new")]),
        ("/join #dev", [("go", "#dev")]),
        ("/part", [("part", "#lobby", "")]),
        ("/leave see you", [("part", "#lobby", "see you")]),
        ("/part #dev done", [("part", "#dev", "done")]),
        ("/who bob", [("who", "bob")]),
        ("/away lunch", [("away", "lunch")]),
        ("/away", [("away", "away"), ("show", "/back ends being away")]),
        ("/quit so long", [("leave", "so long")]),
        ("/exit", [("leave", "")]),
    ],
)
def test_typed_line_has_its_effect(line: str, done: list[tuple[str, ...]]) -> None:
    screen = Screen()
    table.run(screen, line)
    assert screen.done == done


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/nmaes", "did you mean /names?"),
        ("/zzzzzz", "/help shows them all"),
        ("/", "The command / does not exist;"),
        ("/msg bob", "Type it like this: /msg NAME TEXT"),
        ("/nick", "Type it like this: /nick NAME"),
    ],
)
def test_impossible_command_says_what_is_possible(line: str, words: str) -> None:
    screen = Screen()
    with pytest.raises(InputError) as refused:
        table.run(screen, line)
    assert words in str(refused.value)
    assert screen.done == []


@pytest.mark.parametrize("line", ["hello", "/me waves", "/names", "/part", "/topic"])
def test_text_without_a_current_room_is_refused(line: str) -> None:
    with pytest.raises(InputError, match="You are in no room"):
        table.run(Screen(here=""), line)


def test_help_lists_every_command_and_explains_each() -> None:
    screen = Screen()
    table.run(screen, "/help")
    [(_, text)] = screen.done
    assert [line.split()[0] for line in text.splitlines()] == [f"/{row.name}" for row in table.SLASHES]
    for name in table.BY_NAME:
        screen.done.clear()
        table.run(screen, f"/help /{name}")
        assert table.BY_NAME[name].about in screen.done[0][1]


def test_hint_for_unknown_command_fits_a_narrow_screen() -> None:
    assert "did you mean /topic?" in table.hint("/topci x")[:39]
    assert table.hint("/xyzzy").startswith("No command /xyzzy; /help shows them all")


def test_hint_for_long_unknown_command_is_shortened() -> None:
    assert len(table.unknown("x" * 5000)) < 200


@pytest.mark.parametrize(
    ("line", "done"),
    [
        ("/part dev", [("part", "#dev", "")]),
        ("/part Dev so long", [("part", "#lobby", "Dev so long")]),
        ("/part developing", [("part", "#lobby", "developing")]),
        ("/names dev", [("names", "#dev")]),
        ("/topic dev cats", [("topic", "#lobby", "dev cats")]),
        ("/topic dogs", [("topic", "#lobby", "dogs")]),
        ("/join #DEV", [("go", "#dev")]),
        ("/join Lobby", [("go", "#lobby")]),
    ],
)
def test_joined_room_is_found_in_any_spelling_but_not_in_a_text(line: str, done: list[tuple[str, ...]]) -> None:
    screen = Screen()
    table.run(screen, line)
    assert screen.done == done


@pytest.mark.parametrize("word", ["edit", "exi", "quti", "qiut", "ext"])
def test_unknown_command_never_suggests_one_that_ends_the_chat(word: str) -> None:
    assert not {"/exit?", "/quit?"} & set(table.unknown(word).split())
    assert not {"/exit?", "/quit?"} & set(table.hint(f"/{word} x").split())
