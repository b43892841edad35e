"""NickServ is known to the commands that ask about users, though it is not connected and is in no room."""

from __future__ import annotations

import pytest

from tests.chat.world import Person, World

HOST = "NickServ!NickServ@services."


def replies(person: Person, *lines: str) -> list[tuple[str, list[str]]]:
    return [(message.command, list(message.params[1:])) for message in person.forget().send(*lines).read()]


@pytest.mark.parametrize("name", ["NickServ", "nickserv", "NICKSERV"])
def test_whois_nickserv_describes_a_service(name: str) -> None:
    told = replies(World().person("ann"), f"WHOIS {name}")
    assert [command for command, _ in told] == ["311", "312", "335", "318"]
    assert told[0][1] == ["NickServ", "NickServ", "services.", "*", "Keeps names for their owners"]


def test_who_finds_nickserv_by_its_name_and_not_by_a_mask() -> None:
    ann = World().person("ann")
    text = "0 Keeps names for their owners"
    row = ["*", "NickServ", "services.", "chatctl.local", "NickServ", "HB", text]
    assert replies(ann, "WHO nickserv") == [("352", row), ("315", ["nickserv", "End of the WHO list"])]
    assert [params[4] for command, params in replies(ann, "WHO *") if command == "352"] == ["ann"]
    assert replies(ann, "WHO NickServ %tna,7")[0] == ("354", ["7", "NickServ", "0"])


def test_ison_and_userhost_find_nickserv() -> None:
    ann = World().person("ann")
    assert replies(ann, "ISON nickserv ann bob") == [("303", ["NickServ ann"])]
    assert replies(ann, "USERHOST NickServ") == [("302", ["NickServ=+NickServ@services."])]


def test_monitor_shows_nickserv_online() -> None:
    ann = World().person("ann")
    assert replies(ann, "MONITOR + nickserv,bob") == [("730", [HOST]), ("731", ["bob"])]
    assert replies(ann, "MONITOR S") == [("730", [HOST]), ("731", ["bob"])]


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("INVITE NickServ #tea", "400"),
        ("KICK #tea NickServ", "441"),
        ("MODE #tea +o NickServ", "441"),
        ("MODE NickServ", "502"),
        ("MODE NickServ +i", "502"),
    ],
)
def test_command_that_nickserv_cannot_be_the_target_of_says_why(line: str, numeric: str) -> None:
    told = replies(World().person("ann", "#tea"), line)
    assert [command for command, _ in told] == [numeric]
    assert "Nobody" not in told[0][1][-1]


def test_invite_of_nickserv_says_that_it_joins_no_room() -> None:
    world = World()
    ann, bob = world.person("ann", "#tea"), world.person("bob", "#tea", caps="invite-notify")
    assert replies(ann, "INVITE nickserv #tea") == [("400", ["INVITE", "NickServ does not join rooms"])]
    assert bob.lines() == []


def test_history_with_nickserv_is_empty_and_no_error() -> None:
    ann = World().person("ann", caps="draft/chathistory batch server-time message-tags")
    assert [message.command for message in ann.send("CHATHISTORY LATEST NickServ * 10").read()] == ["BATCH", "BATCH"]


def test_nickserv_is_not_counted_as_a_user() -> None:
    world = World()
    ann = world.person("ann")
    assert len(world.hub.state.users) == 1
    assert ann.send("NAMES").commands() == ["366"]
    assert dict(world.hub.state.with_mode) == {}
