"""[shown-when-stored] for every kind of proposal: durable ones are refusable, and not shown before they are stored.

Each kind has a case here (CASES). The test compares what its class declares (durability.py) with its behaviour when the
commit is slow, succeeds and fails.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.apply import _TABLE
from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.tasks import ReadSettings
from chatctl.chat.model.ids import NO_SESSION, SessionId
from chatctl.chat.model.policy import Rules
from chatctl.chat.model.state import State
from chatctl.protocol import scram
from tests.chat.world import START, HeldJournal, Person, World

CAPS = "message-tags echo-message server-time batch labeled-response account-notify away-notify extended-monitor"
MORE = "draft/message-redaction chghost draft/read-marker draft/metadata-2 draft/channel-rename invite-notify"
VERIFIER = str(scram.make("sesame", b"salt" * 4, 4096))


class Room:
    """#tea with ann (its operator, and an operator of the server) and bob; dan is in #den; eve is in no room."""

    def __init__(self) -> None:
        self.journal = HeldJournal()
        rules = Rules(listener_limit=100, created=START, iterations=4096, operators={"root": VERIFIER})
        self.world = World(rules, journal=self.journal)
        self.answers: list[tuple[bool, str]] = []
        self.persons: dict[str, Person] = {}
        for nick in ("ann", "bob", "dan", "eve"):
            person = self.persons[nick] = self.world.connect()
            person.send(f"CAP REQ :{CAPS}", f"CAP REQ :{MORE}", "CAP REQ :chatctl/resume", f"RESUME secret-{nick} one")
            person.send(f"NICK {nick}", "USER u 0 * :r", "CAP END", "METADATA * SUB color")
        self.settle("ann", "REGISTER * * long-enough-secret")
        self.settle("ann", "OPER root sesame")
        self.settle("ann", "JOIN #tea")
        self.settle("ann", "TOPIC #tea :Leaves")
        self.settle("ann", "MODE #tea +i")
        self.settle("ann", "INVITE bob #tea")
        self.settle("bob", "JOIN #tea")
        self.settle("ann", "MODE #tea -i")
        self.settle("dan", "JOIN #den")
        self.settle("eve", "MONITOR + ann,bob,annie,bobby,dan")
        self.ask(p.AddAccount(NO_SESSION, "", "carol", VERIFIER, CONTROL))
        self.ask(p.AddBan(NO_SESSION, "", "mallory", False, "", 0))
        self.settle("ann", "MARKREAD #tea timestamp=2023-11-14T22:13:20.000Z")
        self.settle("ann", "PRIVMSG #tea :mistake")
        self.forget()
        assert self.world.hub.state.by_session[SessionId(1)].operator == "root"

    def settle(self, nick: str, line: str) -> None:
        """Send a line, and store its effects."""
        self.persons[nick].send(line)
        self.commit()

    def commit(self) -> None:
        self.journal.commit()
        self.world.tick()
        self.journal.commit()
        self.world.tick()

    def fail(self) -> None:
        self.journal.fail()
        self.world.tick()

    def ask(self, proposal: p.Proposal) -> None:
        """Propose what `chatctl` does, and store it."""
        self.propose(proposal)
        self.commit()
        assert self.answers.pop()[0]

    def propose(self, proposal: p.Proposal) -> None:
        self.world.hub.admin_requests.ask(proposal, lambda done, text: self.answers.append((done, text)))
        self.world.tick()

    def forget(self) -> None:
        for person in self.persons.values():
            person.forget()

    def read(self) -> dict[str, list[str]]:
        """Return the output that each of them has received."""
        lines = {nick: person.lines() for nick, person in self.persons.items()}
        return {nick: read for nick, read in lines.items() if read}

    def handed(self) -> int:
        """How much the journal has been given that is not stored."""
        return sum(len(facts) + len(records.records) for _, facts, _, _, records in self.journal.waiting)

    def given(self) -> list[Fact]:
        """The facts among that."""
        return [fact for _, facts, *_ in self.journal.waiting for fact in facts]

    def seen(self) -> object:
        """Return all of the state that users can observe."""
        hub = self.world.hub
        return (
            _state(hub.state),
            {id: (set(each.rooms), each.account_id, each.closing) for id, each in hub.sessions.items()},
            {
                key: {each.id for some in room.members.values() for each in some}
                for key, room in hub.fanout.rooms.items()
            },
        )


def _state(state: State) -> object:
    users = {
        user.id: [
            *(user.nick, user.key, user.prefix, user.account, user.operator, user.modes, user.away, user.realname),
            *(set(user.rooms), dict(user.invited or {}), state.user_named(user.nick) is user, user.named_at),
        ]
        for user in state.users.values()
    }
    rooms = {
        key: [
            *(room.key, room.name, room.created, dict(room.members), room.modes, room.topic, room.topic_by),
            *(room.topic_time, room.keyword, room.limit, room.founder, dict(room.insiders or {}), room.renamed_at),
            {letter: list(held) for letter, held in room.lists.entries.items() if held} if room.lists else {},
        ]
        for key, room in state.rooms.items()
    }
    accounts = state.accounts
    marks = {(id, key): accounts.marks.time(id, key) for id in ("account ann",) for key in ("#tea", "#den", "#tee")}
    bans = sorted(ban.key for ban in accounts.bans)
    metadata = {key: dict(accounts.metadata_of(key)) for key in accounts.metadata_owners("")}
    counts = (
        state.occupied,
        state.registered,
        +state.with_mode,
        list(state.former_nicks),
        dict(state.held_names),
        accounts.count,
    )
    return users, rooms, {each.name: each for each in accounts}, marks, bans, metadata, counts


Case = Callable[[Room], object]


def line(nick: str, text: str) -> Case:
    return lambda room: room.persons[nick].send(text)


def desk(make: Callable[[], p.Proposal]) -> Case:
    return lambda room: room.propose(make())


def register_again(room: Room) -> None:
    """The same client as bob's connects again."""
    again = room.persons["again"] = room.world.connect()
    again.send("CAP REQ :chatctl/resume", "RESUME secret-bob one", "NICK bob", "USER u 0 * :r", "CAP END")


def reread(room: Room) -> None:
    room.world.workers.settings = ReadSettings({"max_rooms": 7})
    room.world.hub.reread_settings()
    room.world.tick()


def redact(room: Room) -> None:
    """Delete the message that ann has said."""
    said = next(fact for fact in room.journal.facts if fact.text == "mistake")
    room.persons["ann"].send(f"REDACT #tea {said.message_id}")


def log_in_and(*lines: str) -> Case:
    def case(room: Room) -> None:
        for each in lines[:-1]:
            room.settle("eve", each)
        room.forget()
        room.persons["eve"].send(lines[-1])

    return case


IDENTIFY = "PRIVMSG NickServ :IDENTIFY carol sesame"
CASES: dict[type[p.Proposal], tuple[Case, ...]] = {
    p.Register: (register_again,),
    p.Rename: (line("bob", "NICK bobby"), line("ann", "NICK ANN")),
    p.Quit: (line("bob", "QUIT :bye"), lambda room: room.world.gone(room.persons["bob"])),
    p.SendMessage: (
        line("bob", "@+draft/reply=x PRIVMSG #tea :hi"),
        line("bob", "PRIVMSG eve :hi"),
        line("ann", "NOTICE #tea :hi"),
    ),
    p.SendMessageRun: (line("bob", "PRIVMSG #tea :hi"),),
    p.Join: (
        line("eve", "JOIN #tea"),
        line("eve", "JOIN #new"),
        line("ann", "JOIN #founded"),
        line("eve", "@label=1 JOIN #tea,#new"),
    ),
    p.Part: (
        line("bob", "PART #tea"),
        line("dan", "PART #den :bye"),
        line("ann", "PART #tea"),
        line("ann", "@label=x PART #tea"),
        line("bob", "JOIN 0"),
    ),
    p.InviteUser: (line("ann", "INVITE eve #tea"),),
    p.SetTopic: (line("ann", "TOPIC #tea :New"), line("dan", "TOPIC #den :New")),
    p.Kick: (line("ann", "KICK #tea bob :out"),),
    p.SetRoomModes: (
        line("ann", "MODE #tea +o bob"),
        line("ann", "MODE #tea +ib x!*@*"),
        line("dan", "MODE #den +k k"),
    ),
    p.SetUserModes: (line("bob", "MODE bob +i"),),
    p.SetAway: (line("bob", "AWAY :tea"),),
    p.Kill: (line("ann", "KILL bob :enough"),),
    p.DisconnectUser: (desk(lambda: p.DisconnectUser(NO_SESSION, "", "bob", "")),),
    p.AddBan: (
        desk(lambda: p.AddBan(NO_SESSION, "", "bob", False, "", 0)),
        desk(lambda: p.AddBan(NO_SESSION, "", "127.0.0.1", False, "", 0)),
    ),
    p.RemoveBan: (desk(lambda: p.RemoveBan(NO_SESSION, "", "mallory", False)),),
    p.EnforceBan: (),  # follows from the two above: test_a_ban_counts_when_it_is_stored
    p.RemoveOfflineUser: (),  # follows from RemoveAccount: tests/chat/apply/test_members.py
    p.ReturnNick: (),  # likewise
    p.ExpireMembers: (),  # likewise
    p.ExpireDeadlines: (),  # announces presence: tests/chat/apply/test_members.py
    p.Wallops: (line("ann", "WALLOPS :hi"),),
    p.ChangeRules: (reread,),
    p.BecomeOperator: (line("bob", "OPER root sesame"),),
    p.SetRealname: (line("bob", "SETNAME :Bob"),),
    p.ChangeHost: (line("ann", "CHGHOST bob elsewhere"),),
    p.Redact: (redact,),
    p.RenameRoom: (
        line("ann", "RENAME #tea #tee :why"),
        line("dan", "RENAME #den #Den"),
        line("dan", "RENAME #den #cave"),
    ),
    p.AddAccount: (
        line("bob", "REGISTER * * long-enough-secret"),
        desk(lambda: p.AddAccount(NO_SESSION, "", "zoe", VERIFIER, CONTROL)),
    ),
    p.LogIn: (line("eve", IDENTIFY),),
    p.LogOut: (log_in_and(IDENTIFY, "PRIVMSG NickServ :LOGOUT"),),
    p.ChangeAccount: (
        desk(lambda: p.ChangeAccount(NO_SESSION, "", "carol", CONTROL, operator=True)),
        desk(lambda: p.ChangeAccount(NO_SESSION, "", "ann", CONTROL, operator=True)),
        desk(lambda: p.ChangeAccount(NO_SESSION, "", "ann", CONTROL, operator=False)),
    ),
    p.RemoveAccount: (desk(lambda: p.RemoveAccount(NO_SESSION, "", "ann", CONTROL)),),
    p.AddInvitation: (desk(lambda: p.AddInvitation(NO_SESSION, "", "key", 1, START * 2, "", CONTROL)),),
    p.MarkRead: (line("ann", "MARKREAD #tea timestamp=2023-11-14T22:13:20.005Z"),),
    p.SetMetadata: (line("ann", "METADATA #tea SET color :red"), line("ann", "METADATA * SET color :red")),
}


def _kinds(cls: type[p.Proposal]) -> set[type[p.Proposal]]:
    return {cls}.union(*map(_kinds, cls.__subclasses__()))


def test_every_kind_of_proposal_declares_its_durability_and_has_a_case() -> None:
    declared = {p.Unstored, p.Refusable, p.Retried}
    # dataclass(slots=True) makes each class anew; what it was made from is a subclass too, until it is collected
    kinds = {kind for kind in _kinds(p.Proposal) if getattr(p, kind.__name__, None) is kind} - declared - {p.Proposal}
    assert set(CASES) == kinds == set(_TABLE)
    assert [kind for kind in kinds if sum(issubclass(kind, each) for each in declared) != 1] == []


def _cases(base: type[p.Proposal]) -> list[object]:
    return [
        pytest.param(case, id=f"{kind.__name__}-{at}")
        for kind, cases in CASES.items()
        if issubclass(kind, base)
        for at, case in enumerate(cases)
    ]


@pytest.mark.parametrize("case", _cases(p.Unstored))
def test_unstored_proposal_leaves_nothing_in_the_journal(case: Case) -> None:
    room = Room()
    case(room)
    assert not room.handed()
    assert room.world.hub.commit_gate.lag_ms == 0


@pytest.mark.parametrize("case", _cases(p.Refusable))
def test_refusable_proposal_is_not_shown_before_it_is_stored(case: Case) -> None:
    room = Room()
    logged = len(room.world.log.events)
    case(room)
    assert room.handed()
    assert room.read() == {}
    assert room.answers == []
    assert not room.world.hub.ended
    assert room.world.log.events[logged:] == []
    room.commit()
    assert room.read() or room.answers[0][0]
    assert not any("NOT_STORED" in text for lines in room.read().values() for text in lines)


@pytest.mark.parametrize("case", _cases(p.Refusable))
def test_refusable_proposal_is_undone_if_the_commit_fails(case: Case) -> None:
    room = Room()
    before = room.seen()
    case(room)
    room.fail()
    read = room.read()
    if room.answers:
        assert room.answers == [(False, "This cannot be kept: the disk is full")]
        assert read == {}
    else:
        ((_, lines),) = read.items()  # only the sender
        assert all(" NOT_STORED " in text for text in lines)
    assert room.seen() == before


def _comparable(lines: list[str]) -> list[str]:
    """Return answers without the names of batches, and in an order that does not depend on that of members."""
    plain = [re.sub(r"(BATCH [-+]|batch=)b\d+", r"\1b", line) for line in lines]
    return sorted(" ".join(sorted(re.split("[ :]", line))) if " 353 " in line else line for line in plain)


QUESTIONS = (
    *("NAMES #tea", "NAMES", "NAMES #tee,#new,#cave", "TOPIC #tea", "TOPIC #den", "MODE #tea", "MODE #tea b", "LIST"),
    *("WHO #tea", "WHO *", "WHO bobby", "WHOIS ann", "WHOIS bob", "WHOIS bobby", "WHOIS dan", "WHOIS eve", "LUSERS"),
    *("WHOWAS bob", "ISON ann bob bobby eve", "USERHOST ann bob eve", "MONITOR + bob,bobby,eve", "MONITOR S"),
    *("METADATA #tea LIST", "METADATA ann LIST", "METADATA #tee LIST", "PRIVMSG NickServ :INFO bob"),
    *("PRIVMSG NickServ :INFO zoe", "PRIVMSG NickServ :INFO ann", "STATS u", "INVITE", "MODE wes", "MARKREAD #tea"),
)


@pytest.mark.parametrize("case", _cases(p.Refusable))
def test_answers_to_queries_show_nothing_of_a_change_whose_commit_fails(case: Case) -> None:
    room = Room()
    wes = room.persons["wes"] = room.world.connect()
    wes.send("CAP REQ :batch draft/metadata-2 draft/read-marker", "NICK wes", "USER u 0 * :r", "CAP END")
    for each in ("JOIN #tea", "JOIN #den"):
        room.settle("wes", each)
    for each in QUESTIONS:
        room.settle("wes", each)
    wes.forget()
    for each in QUESTIONS:
        room.settle("wes", each)
    before = _comparable(wes.lines())
    case(room)
    wes.send(*QUESTIONS)
    early = wes.lines()
    assert {*_comparable(early)} <= {*before}
    room.fail()
    for _ in QUESTIONS:
        room.world.tick()
    assert _comparable([*early, *wes.lines()]) == before


@pytest.mark.parametrize("stored", [True, False])
def test_labelled_query_is_answered_once_when_the_change_it_shows_is_decided(stored: bool) -> None:
    room = Room()
    ann, bob = room.persons["ann"], room.persons["bob"]
    ann.send("TOPIC #tea :Coffee")
    bob.send("@label=1 TOPIC #tea", "PING after")
    assert room.read() == {}
    room.commit() if stored else room.fail()
    room.world.tick()
    topic = "Coffee" if stored else "Leaves"
    told, *answer = ["TOPIC", *bob.lines()] if not stored else bob.lines()
    assert "TOPIC" in told
    assert answer[0].startswith("@label=1 :chatctl.local BATCH +")
    assert [text.rpartition(":")[2] for text in answer if " 332 " in text] == [topic]
    assert answer[-1] == ":chatctl.local PONG chatctl.local after"
    assert ann.lines()


@pytest.mark.parametrize("case", _cases(p.Retried))
def test_retried_proposal_is_submitted_again_until_it_is_stored(case: Case) -> None:
    room = Room()
    case(room)
    given, handed = room.given(), room.handed()
    room.fail()
    assert not any("NOT_STORED" in text for lines in room.read().values() for text in lines)
    assert all(done for done, _ in room.answers)
    room.world.tick()
    assert not room.handed()  # and not in every tick
    due = room.world.hub.next_deadline()
    assert due == (room.world.now + 1000 if handed else None)
    for _ in range(3):
        room.world.now += 1000
        room.world.tick()
        assert (room.given(), room.handed()) == (given, handed)
        room.journal.fail()
        room.world.tick()
    room.world.now += 1000
    room.world.tick()
    room.commit()
    assert list(room.journal.facts)[len(room.journal.facts) - len(given) :] == given
    assert room.world.hub.next_deadline() is None
    assert room.world.hub.commit_gate.dropped_facts == 0


def test_ban_takes_effect_when_it_is_stored() -> None:
    room = Room()
    state = room.world.hub.state
    room.propose(p.AddBan(NO_SESSION, "", "bob", False, "", 0))
    assert room.persons["bob"].session.registered
    assert state.accounts.bans.of_name("bob", START) is None
    room.commit()
    assert state.user_named("bob") is None
    assert room.answers.pop() == (True, "bob is banned")
    room.propose(p.RemoveBan(NO_SESSION, "", "bob", False))
    assert state.accounts.bans.of_name("bob", START) is not None
    room.fail()
    assert state.accounts.bans.of_name("bob", START) is not None
    assert room.answers.pop() == (False, "This cannot be kept: the disk is full")
    room.world.now += 1000
    room.propose(p.RemoveBan(NO_SESSION, "", "bob", False))
    room.commit()
    assert state.accounts.bans.of_name("bob", START) is None


LINES = (
    "NICK {0}",
    "JOIN #tea",
    "JOIN #den",
    "JOIN #new",
    "PART #tea",
    "PART #den",
    "PART #new",
    "KICK #tea bob",
    "KICK #den,#new dan,eve",
    "MODE #tea +o bob",
    "MODE #den +k key",
    "MODE #new +i",
    "TOPIC #tea :{0}",
    "TOPIC #new :{0}",
    "RENAME #tea #tee",
    "RENAME #new #den",
    "RENAME #den #new",
    "PRIVMSG #tea :{0}",
    "PRIVMSG bob :{0}",
    "METADATA #tea SET color :{0}",
    "MARKREAD #tea timestamp=2023-11-14T22:13:20.00{1}Z",
    "REGISTER * * long-enough-secret",
)
STEP = st.tuples(
    st.sampled_from(("ann", "bob", "dan", "eve")), st.sampled_from(LINES), st.sampled_from(("x1", "x2", "bob"))
)


@pytest.mark.e2e
@given(st.lists(STEP, min_size=1, max_size=8), st.booleans())
def test_entries_that_fail_together_are_all_undone(steps: list[tuple[str, str, str]], one_tick: bool) -> None:
    room = Room()
    before = room.seen()
    for nick, text, word in steps:
        # A name taken in no room leaves nothing to store: of the four, ann alone stays in her room.
        if text.startswith("PART" if nick == "ann" else "NICK"):
            continue
        person = room.persons[nick]
        room.world.hub.receive(person.session, [text.format(word, len(word))])
        if not one_tick:
            room.world.tick()
    room.world.tick()
    if not room.handed():
        return
    room.fail()
    assert room.seen() == before
    room.world.now += 1000
    room.settle("ann", "PRIVMSG #tea :still here")
    assert "still here" in str(room.persons["bob"].lines())


def test_retried_facts_over_the_bound_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.chat.engine.commit_gate.MAX_RETRIED_FACTS", 1)
    room = Room()
    room.persons["bob"].send("QUIT")
    room.persons["dan"].send("QUIT")
    room.fail()
    assert room.world.hub.commit_gate.dropped_facts == 1


def test_abandoned_name_stays_reserved_until_the_change_is_stored() -> None:
    room = Room()
    room.persons["bob"].send("NICK bobby")
    late = room.world.connect().send("NICK bob", "USER u 0 * :r")
    assert "433" in late.commands()
    room.commit()
    assert "001" in late.send("NICK bob").commands()


def test_message_whose_deletion_failed_is_replayed() -> None:
    room = Room()
    redact(room)
    room.fail()
    room.world.now += 1000
    room.settle("eve", "JOIN #tea")
    assert any(text.endswith(":mistake") for text in room.persons["eve"].lines())


def test_retried_departure_uses_the_name_taken_meanwhile() -> None:
    room = Room()
    room.persons["bob"].send("PART #tea")
    room.persons["bob"].send("NICK bobby")
    room.fail()
    assert [text.partition(" ")[2] for text in room.persons["ann"].lines()] == [":bob!~u@jed4uj7kmu7k.user NICK bobby"]
    assert room.world.hub.state.by_session[SessionId(2)].rooms.keys() == {"#tea"}


def test_rename_outside_rooms_after_refused_rename_is_shown_from_the_name_the_room_knows() -> None:
    room = Room()
    room.persons["bob"].send("NICK x1", "PART #tea", "NICK x2")
    room.fail()
    for nick in ("ann", "bob"):
        assert [line.partition(" ")[2] for line in room.persons[nick].lines() if ":bob!" in line] == [
            ":bob!~u@jed4uj7kmu7k.user NICK x2"
        ], nick
    assert ":chatctl.local 731 eve :bob" in room.persons["eve"].lines()
    room.world.now += 1000
    room.world.tick()
    room.fail()
    assert not room.persons["ann"].lines()
    room.world.now += 1000
    room.settle("ann", "PRIVMSG #tea :still here")
    names = [(fact.source, fact.text) for fact in room.journal.facts if fact.kind == "NICK"]
    assert names == [("bob!~u@jed4uj7kmu7k.user", "x2")]


def test_attached_session_is_shown_the_rooms_as_they_are_after_a_failed_commit() -> None:
    room = Room()
    room.persons["ann"].send("JOIN #den", "TOPIC #tea :Unstored")
    other = room.world.connect()
    secret = base64.b64encode(b"\0ann\0long-enough-secret").decode()
    other.send("CAP REQ :sasl server-time", "NICK ann", "USER u 0 * :r", "AUTHENTICATE PLAIN")
    other.send(f"AUTHENTICATE {secret}", "CAP END")
    room.fail()
    seen = other.read()
    assert [message.params[0] for message in seen if message.command == "JOIN"] == ["#tea"]
    assert [message.params[-1] for message in seen if message.command == "332"] == ["Leaves"]


def test_departure_after_refused_room_rename_is_stored_under_the_former_room_name() -> None:
    room = Room()
    room.persons["dan"].send("RENAME #den #lair")
    room.persons["dan"].send("QUIT")
    room.fail()
    room.world.now += 1000
    room.settle("ann", "PRIVMSG #tea :still here")
    quits = [fact for fact in room.journal.facts if fact.kind == "QUIT"]
    assert [fact.place for fact in quits] == ["#den"]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("JOIN #den", ["JOIN", "NOT_STORED", "#den"]),
        ("JOIN #den,#new", ["JOIN", "NOT_STORED", "#den,#new"]),
        ("MARKREAD #tea timestamp=2023-11-14T22:13:21.000Z", ["MARKREAD", "NOT_STORED", "#tea"]),
    ],
)
@pytest.mark.parametrize("trouble", [False, True])
def test_refusal_of_automatic_requests_names_their_subject(line: str, named: list[str], trouble: bool) -> None:
    room = Room()
    if trouble:  # refused without a commit, because the one before has failed
        room.persons["ann"].send("TOPIC #tea :Cake")
        room.fail()
        room.forget()
    room.persons["bob"].send(line)
    if not trouble:
        room.fail()
    assert room.persons["bob"].one("FAIL").params[:-1] == named
