"""Getting in: modern.ircdocs.horse "Connection Registration", IRCv3 capability-negotiation, and the limit of users."""

from __future__ import annotations

import pytest

from chatctl.chat.apply.identity import ASK_ALL_AGAIN_MS
from chatctl.chat.commands.registry import HTTP
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.policy import Rules
from chatctl.protocol.capabilities import CAPABILITIES
from tests.chat.world import START, Person, World

WELCOME = ["001", "002", "003", "004", "005", "005"]


def test_the_welcome_is_001_to_005_then_counts_and_motd() -> None:
    person = World().connect().send("NICK alice", "USER alice 0 * :Alice")
    read = person.read()
    commands = [message.command for message in read]
    assert commands[:6] == WELCOME
    assert commands[6:] == ["005", "251", "252", "253", "254", "255", "265", "266", "422"]
    assert read[0].params == ["alice", "Welcome to the chatctl Network, alice!~alice@jed4uj7kmu7k.user"]
    assert all(message.source == "chatctl.local" for message in read)


def test_registration_commands_work_in_any_order() -> None:
    world = World(Rules(password="sesame", created=START))
    assert world.connect().send("PASS sesame", "USER u 0 * :r", "NICK alice").commands()[:6] == WELCOME


def test_isupport_tokens_equal_the_rules() -> None:
    person = World().connect().send("NICK alice", "USER alice 0 * :Alice")
    tokens = [token for message in person.read() if message.command == "005" for token in message.params[1:-1]]
    for expected in (
        "CASEMAPPING=ascii",
        "CHANMODES=beI,k,l,CMRcimnst",
        "PREFIX=(ov)@+",
        "NICKLEN=32",
        "UTF8ONLY",
        "CHANTYPES=#",
    ):
        assert expected in tokens
    assert len(tokens) == len(set(tokens))


def test_wrong_server_password_ends_the_connection() -> None:
    world = World(Rules(password="sesame", created=START))
    person = world.connect().send("PASS wrong", "NICK alice", "USER u 0 * :r")
    assert person.commands() == ["464", "ERROR"]
    assert world.hub.ended == [person.session]
    assert world.connect().send("NICK alice", "USER u 0 * :r").commands() == ["464", "ERROR"]


def test_guesser_of_the_server_password_waits_and_others_do_not() -> None:
    world = World(Rules(password="sesame", created=START))

    def come(password: str, address: str = "192.0.2.1") -> Person:
        return world.connect(address).send(f"PASS {password}", "NICK alice", "USER u 0 * :r")

    for number in range(5):
        assert "wrong or missing" in come(f"guess{number}").one("464").params[-1]
    assert "please wait" in come("sesame").one("464").params[-1], (
        "while it waits nothing is looked at, not the right one"
    )
    assert come("sesame", "198.51.100.7").commands()[:6] == WELCOME
    world.now += 2000
    world.tick()
    bob = world.connect("192.0.2.1").send("PASS sesame", "NICK bob", "USER u 0 * :r")
    assert bob.commands()[:6] == WELCOME


def test_register_cannot_be_used_to_guess_the_server_password() -> None:
    world = World(Rules(password="sesame", created=START))
    eve = world.connect("192.0.2.1").send("CAP LS 302", "NICK eve", "USER u 0 * :r").forget()
    for number in range(5):
        eve.send(f"PASS guess{number}", "REGISTER * * hunter22")
    eve.forget().send("PASS sesame", "REGISTER * * hunter22")
    assert "please wait" in eve.one("FAIL").params[-1]


def test_missing_server_password_is_not_a_guess() -> None:
    world = World(Rules(password="sesame", created=START))
    for _ in range(10):
        assert "464" in world.connect("192.0.2.1").send("NICK alice", "USER u 0 * :r").commands()
    assert world.connect("192.0.2.1").send("PASS sesame", "NICK alice", "USER u 0 * :r").commands()[:6] == WELCOME


def test_motd_is_shown() -> None:
    world = World(Rules(motd="one\ntwo", created=START))
    person = world.connect().send("NICK alice", "USER u 0 * :r")
    texts = [message.params[1] for message in person.read() if message.command in ("375", "372", "376")]
    assert texts[1:3] == ["- one", "- two"]


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("NICK", "431"),
        ("NICK :", "431"),
        ("NICK 1up", "432"),
        ("NICK :two words", "432"),
        ("USER a b", "461"),
        ("PRIVMSG #lobby :hi", "451"),
        ("JOIN #lobby", "451"),
        ("NONSENSE", "421"),
        ("CAP", "461"),
        ("CAP SING", "410"),
        ("PASS", "461"),
    ],
)
def test_commands_before_registration_are_refused(line: str, numeric: str) -> None:
    assert World().connect().send(line).commands() == [numeric]


def test_refused_name_has_its_reason() -> None:
    reason = World().connect().send("NICK 1up").one("432").params[-1]
    assert reason.startswith("That name cannot be used: ")
    assert "digit" in reason


def test_taken_name_is_decided_at_registration() -> None:
    world = World()
    world.person("alice")
    newcomer = world.connect().send("NICK Alice")
    assert newcomer.one("433").params == [
        "*",
        "Alice",
        "The name Alice is taken (by alice, which counts as the same name); please choose another",
    ]
    assert newcomer.send("USER u 0 * :r").commands() == []
    assert newcomer.send("NICK bob").commands()[:6] == WELCOME


def test_one_of_two_simultaneous_registrations_gets_the_name() -> None:
    world = World()
    first, second = world.connect(), world.connect()
    for person in (first, second):
        person.send("NICK alice")  # claims nothing
        assert person.commands() == []
    first.send("USER u 0 * :r")
    second.send("USER u 0 * :r")
    assert first.commands()[:6] == WELCOME
    assert second.commands() == ["433"]
    assert second.send("NICK bob").commands()[:6] == WELCOME


def test_ping_and_quit_are_answered_before_registration() -> None:
    person = World().connect().send("PING tok")
    assert person.one("PONG").params == ["chatctl.local", "tok"]
    assert person.send("QUIT").commands() == ["ERROR"]


@pytest.mark.parametrize("verb", sorted(HTTP))
def test_web_browser_is_refused_at_once(verb: str) -> None:
    """Whatever a browser sends; two of its methods are IRC commands as well."""
    world = World()
    person = world.connect().send(f"{verb} / HTTP/1.1", "Host: localhost", "NICK alice", "USER u 0 * :r")
    assert person.commands() == ["ERROR"]
    assert world.hub.ended == [person.session]


def test_user_and_pass_after_registration_are_refused() -> None:
    person = World().person("alice")
    assert person.send("USER u 0 * :r", "PASS x").commands() == ["462", "462"]


def test_cap_suspends_registration_until_end() -> None:
    person = World().connect().send("CAP LS 302", "NICK alice", "USER u 0 * :r")
    assert set(person.commands()) == {"CAP"}
    assert person.send("CAP END").commands()[:6] == WELCOME


def test_cap_ls_shows_the_table() -> None:
    *more, last = World().connect().send("CAP LS 302").read()
    assert last.params[:2] == ["*", "LS"]
    assert all(message.params[:3] == ["*", "LS", "*"] for message in more)
    listed = " ".join(message.params[-1] for message in (*more, last)).split()
    assert [name.partition("=")[0] for name in listed] == [row.name for row in CAPABILITIES]
    old = World().connect().send("CAP LS").one("CAP")
    assert old.params[2].split() == [row.name for row in CAPABILITIES if not row.name.startswith("draft/")]


def test_cap_req_is_all_or_nothing() -> None:
    person = World().connect().send("CAP REQ :server-time nonsense")
    assert person.one("CAP").params == ["*", "NAK", "server-time nonsense"]
    assert person.send("CAP LIST").one("CAP").params == ["*", "LIST", ""]
    assert person.send("CAP REQ :server-time echo-message").one("CAP").params[1] == "ACK"
    assert person.send("CAP REQ :-echo-message").one("CAP").params[1] == "ACK"
    assert person.send("CAP LIST").one("CAP").params[2] == "server-time"


def test_cap_302_implies_cap_notify_for_good() -> None:
    person = World().connect().send("CAP LS 302").forget()
    assert person.send("CAP LIST").one("CAP").params[-1] == "cap-notify"
    assert person.send("CAP REQ -cap-notify").one("CAP").params[1] == "NAK"


def test_cap_works_after_registration_too() -> None:
    person = World().person("alice")
    assert person.send("CAP LS").one("CAP").params[0] == "alice"
    assert person.send("CAP REQ server-time", "CAP END").commands() == ["CAP"]


def test_client_over_the_limit_is_refused_with_the_limit() -> None:
    world = World(Rules(listener_limit=2, created=START))
    alice = world.person("alice")
    world.person("bob")
    carol = world.connect().send("NICK carol", "USER u 0 * :r")
    error = carol.one("ERROR").params[0]
    assert "all 2 places" in error
    assert "listener_limit = 2" in error
    assert world.hub.probes == [1, 2]  # a dead connection gives up its place
    world.now += ASK_ALL_AGAIN_MS - 1
    assert "ERROR" in world.connect().send("NICK dan", "USER u 0 * :r").commands()
    assert world.hub.probes == [1, 2]  # who knocks again and again does not have thousands asked each time
    world.now += 1
    assert "ERROR" in world.connect().send("NICK dan", "USER u 0 * :r").commands()
    assert world.hub.probes == [1, 2, 1, 2]
    alice.send("QUIT")
    assert world.connect().send("NICK carol", "USER u 0 * :r").commands()[:6] == WELCOME
    wide = World(Rules(listener_limit=1000, created=START))
    assert all(wide.person(f"n{number}").session.registered for number in range(20)), "without the limit"


def test_name_check_takes_no_place() -> None:
    world = World(Rules(listener_limit=1, created=START))
    world.person("alice")
    asking = world.connect().send("CAP LS", "NICK alice", "NICK bob", "CAP LIST")
    assert asking.commands() == ["CAP", "433", "CAP"]


class TestResume:
    """The capability chatctl/resume: one's own dead connection does not hold one's name."""

    LOGIN = ("CAP REQ :chatctl/resume", "RESUME secret one", "NICK alice", "USER u 0 * :r", "CAP END")

    def test_resumed_client_takes_its_name_back_at_once(self) -> None:
        world = World(Rules(listener_limit=2, created=START))
        old = world.connect().send(*self.LOGIN, "JOIN #lobby")
        bob = world.person("bob", "#lobby")
        new = world.connect().send(*self.LOGIN)
        assert "001" in new.commands()
        assert bob.one("QUIT").nick == "alice"
        assert old.session.dropped
        assert world.hub.ended == [old.session]

    def test_resume_after_nick_works_too(self) -> None:
        world = World()
        world.connect().send(*self.LOGIN)
        new = world.connect().send("CAP LS", "NICK alice", "USER u 0 * :r")
        assert new.commands() == ["CAP", "433"]
        assert "001" in new.send("CAP REQ :chatctl/resume", "RESUME secret one", "CAP END").commands()

    @pytest.mark.parametrize("tokens", ["secret two", "other one"])
    def test_other_client_or_address_does_not_take_the_name(self, tokens: str) -> None:
        world = World()
        old = world.connect().send(*self.LOGIN)
        new = world.connect().send(
            "CAP REQ :chatctl/resume", f"RESUME {tokens}", "NICK alice", "USER u 0 * :r", "CAP END"
        )
        assert "433" in new.commands()
        assert old.session.id in world.hub.sessions

    def test_resume_tokens_are_held_as_hashes_only(self) -> None:
        world = World()
        world.connect().send(*self.LOGIN)
        user = world.hub.state.by_session[SessionId(1)]
        assert "secret" not in user.secret
        assert len(user.secret) == 64


def test_silent_holder_is_probed_when_another_client_wants_the_name() -> None:
    world = World()
    world.person("alice")
    world.connect().send("NICK Alice")
    assert world.hub.probes == [1]
    world.person("bob").send("NICK alice")
    assert world.hub.probes == [1, 1]
