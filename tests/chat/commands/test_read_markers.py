"""MARKREAD: ircv3.net/specs/extensions/read-marker."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.chat.apply import apply
from chatctl.chat.entries import proposals as p
from chatctl.chat.model import user_data
from chatctl.chat.model.accounts import Account, Changes, record_key
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.user_data import ReadMark
from tests.chat.world import START, Person, World
from tests.journal.journals import Desk

CAPS = "draft/read-marker batch labeled-response"
ONE, TWO = "timestamp=2019-01-01T00:00:00.000Z", "timestamp=2020-01-01T00:00:00.000Z"


def logged_in(world: World, nick: str, account: str = "ann") -> Person:
    person = world.person(nick, caps=CAPS)
    user = person.user
    user.account = user.account_id = account
    return person


class TestMarking:
    def test_read_marker_is_queried_and_set(self) -> None:
        ann = World().person("ann", "#tea", caps=CAPS)
        assert ann.send("MARKREAD #TEA").one("MARKREAD").params == ["#tea", "*"]
        assert ann.send(f"MARKREAD #tea {ONE}").one("MARKREAD").params == ["#tea", ONE]
        assert ann.send("MARKREAD #tea").one("MARKREAD").params == ["#tea", ONE]

    def test_read_marker_never_moves_back(self) -> None:
        ann = World().person("ann", caps=CAPS)
        ann.send(f"MARKREAD bob {TWO}").forget()
        assert ann.send(f"MARKREAD bob {ONE}").one("MARKREAD").params == ["bob", TWO]

    def test_read_marker_never_moves_into_the_future(self) -> None:
        ann = World().person("ann", caps=CAPS)
        told = ann.send("MARKREAD bob timestamp=2030-01-01T00:00:00.000Z").one("MARKREAD")
        assert told.params[1] == "timestamp=2023-11-14T22:13:20.000Z"

    def test_read_marker_is_sent_on_join_before_the_end_of_names(self) -> None:
        world = World()
        ann = world.person("ann", caps=CAPS)
        assert ann.send("JOIN #tea").commands() == ["JOIN", "353", "MARKREAD", "366"]
        ann.send(f"MARKREAD #tea {ONE}", "PART #tea").forget()
        assert ann.send("JOIN #tea").one("MARKREAD").params == ["#tea", ONE]
        quiet = world.person("quiet", caps=CAPS + " no-implicit-names")
        assert quiet.send("JOIN #tea").commands() == ["JOIN", "MARKREAD"]

    def test_read_marker_is_sent_to_all_own_sessions_only(self) -> None:
        world = World()
        one, two = logged_in(world, "ann1"), logged_in(world, "ann2")
        old, eve = world.person("old"), world.person("eve", caps=CAPS)
        user = old.user
        user.account = user.account_id = "ann"
        one.send(f"@label=a MARKREAD #tea {ONE}")
        assert one.one("MARKREAD").tags["label"] == "a"
        assert two.one("MARKREAD").params == ["#tea", ONE]
        assert old.lines() == eve.lines() == []
        assert eve.send("MARKREAD #tea").one("MARKREAD").params[1] == "*"
        one.send(f"MARKREAD #tea {ONE}")
        assert two.lines() == []  # no news

    @pytest.mark.parametrize(
        ("line", "params"),
        [
            ("MARKREAD", ["NEED_MORE_PARAMS"]),
            ("MARKREAD #tea *", ["INVALID_PARAMS", "*"]),
            ("MARKREAD #tea timestamp=yesterday", ["INVALID_PARAMS", "timestamp=yesterday"]),
            ("MARKREAD #tea msgid=x", ["INVALID_PARAMS", "msgid=x"]),
            ("MARKREAD 1x", ["INVALID_PARAMS", "1x"]),
            ("MARKREAD #a,b", ["INVALID_PARAMS", "#a,b"]),
        ],
    )
    def test_invalid_markread_is_refused(self, line: str, params: list[str]) -> None:
        ann = World().person("ann", caps=CAPS)
        assert ann.send(line).one("FAIL").params[:-1] == ["MARKREAD", *params]

    def test_markread_without_the_capability_is_unknown(self) -> None:
        assert World().person("ann").send("MARKREAD #tea").commands() == ["421"]


class TestKeeping:
    def test_read_markers_of_an_account_survive_a_reconnect(self) -> None:
        world = World()
        ann = logged_in(world, "ann1")
        ann.send(f"MARKREAD #tea {ONE}")
        world.gone(ann)
        assert logged_in(world, "ann2").send("MARKREAD #tea").one("MARKREAD").params[1] == ONE

    def test_read_markers_of_a_guest_end_with_the_session(self) -> None:
        world = World()
        ann = world.person("ann", caps=CAPS).send(f"MARKREAD #tea {ONE}")
        world.gone(ann)
        assert world.person("ann", caps=CAPS).send("MARKREAD #tea").one("MARKREAD").params[1] == "*"
        assert world.hub.state.accounts.get(("mark", "x")) is None
        assert not world.hub.state.accounts.marks._marks

    def test_read_markers_are_stored(self, tmp_path: Path) -> None:
        with Desk(tmp_path / "j.db") as desk:
            mark = ReadMark("account ann\x1f#tea", START)
            desk.journal.append((), (), (), Changes(5, 5, {record_key(mark): mark}))
            desk.owner.until(lambda: desk.owner.reached == 5)
        with Desk(tmp_path / "j.db") as desk:
            assert desk.journal.records() == [mark]

    def test_read_markers_are_not_inherited_by_the_next_account(self) -> None:
        world = World()
        account = Account("ann", "ann", "verifier", START, "ann", 1)
        world.hub.state.accounts.put(record_key(account), account)
        logged_in(world, "ann1").send(f"MARKREAD #tea {ONE}")
        outcome = apply(world.hub.state, p.Entry(99, START, "boot", p.RemoveAccount(NO_SESSION, "", "ann", "control")))
        assert ("mark", "account ann\x1f#tea") in outcome.records
        assert logged_in(world, "ann2").send("MARKREAD #tea").one("MARKREAD").params[1] == "*"

    def test_read_markers_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(user_data, "MAX_MARKS", 3)
        ann = logged_in(World(), "ann1")
        for number in range(1, 6):
            ann.send(f"MARKREAD #{number} timestamp=2020-01-0{number}T00:00:00.000Z").forget()
        held = [ann.send(f"MARKREAD #{number}").one("MARKREAD").params[1] == "*" for number in range(1, 6)]
        assert held == [True, True, False, False, False]
