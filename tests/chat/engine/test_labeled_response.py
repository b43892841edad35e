"""Labels: ircv3.net/specs/extensions/labeled-response, every shape of answer, and a session's order with them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.entries.proposals import Proposal
from chatctl.chat.model.policy import Rules
from chatctl.protocol.message import Message
from tests.chat.world import START, HeldJournal, HeldOrder, Person, World

CAPS = "batch labeled-response echo-message message-tags server-time"


class Answer:
    """One logical message: its label, and the lines of it with batches opened up."""

    def __init__(self, opening: Message) -> None:
        self.opening = opening
        self.label = opening.tags.get("label", "")
        self.lines: list[Message] = []


def answers(messages: list[Message]) -> list[Answer]:
    """Assemble lines as a client does: the lines of a batch belong to its opening. All batches are closed."""
    found: list[Answer] = []
    batches: dict[str, Answer] = {}
    for message in messages:
        outer = message.tags.get("batch")
        if message.command == "BATCH" and message.params[0][0] == "-":
            name = message.params[0][1:]
            assert batches[name].opening.tags.get("batch") == outer
            del batches[name]
            continue
        answer = batches[outer] if outer is not None else Answer(message)
        if outer is None:
            found.append(answer)
        else:
            assert "label" not in message.tags
            answer.lines.append(message)
        if message.command == "BATCH":
            batches[message.params[0][1:]] = Answer(message) if outer is not None else answer
    assert not batches, "a batch was left open"
    return found


def one(person: Person, label: str) -> Answer:
    """The single answer with `label`."""
    labelled = [answer for answer in answers(person.read()) if answer.label == label]
    assert len(labelled) == 1
    return labelled[0]


class TestShapes:
    def test_single_line_carries_the_label(self) -> None:
        ann = World().person("ann", caps=CAPS)
        assert ann.send("@label=a PING x").one("PONG").tags == {"label": "a"}

    def test_several_lines_are_a_labelled_batch(self) -> None:
        ann = World().person("ann", caps=CAPS)
        read = ann.send("@label=a WHOIS ann").read()
        assert read[0].command == "BATCH"
        assert read[0].tags == {"label": "a"}
        assert read[0].params[1] == "labeled-response"
        assert read[0].source == read[-1].source == "chatctl.local"
        inside = read[1:-1]
        assert inside[0].command == "311"
        assert inside[-1].command == "318"
        assert {message.tags["batch"] for message in inside} == {read[0].params[0][1:]}
        assert read[-1].tags == {}

    def test_empty_response_is_an_ack(self) -> None:
        ann = World().person("ann", caps=CAPS)
        ack = ann.send("@label=a PONG x").one("ACK")
        assert ack.tags == {"label": "a"}
        assert ack.source == "chatctl.local"
        assert ack.params == []

    def test_message_without_echo_is_acknowledged(self) -> None:
        world = World()
        ann, bob = world.person("ann", "#tea", caps="batch labeled-response"), world.person("bob", "#tea")
        assert ann.send("@label=a PRIVMSG #tea :hi").one("ACK").tags["label"] == "a"
        assert bob.one("PRIVMSG").tags == {}

    def test_echo_carries_the_label_for_the_sender_only(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps=CAPS)
        bob = world.person("bob", "#tea", caps=CAPS)
        ann.send("@label=a;+x=y PRIVMSG #tea :hi", "PRIVMSG bob :psst", "@label=b PRIVMSG bob :hey")
        assert [message.tags.get("label") for message in ann.read()] == ["a", None, "b"]
        heard = bob.read()
        assert all("label" not in message.tags for message in heard)
        assert heard[0].tags["+x"] == "y"

    def test_labelled_echo_stays_in_room_order(self) -> None:
        world = World()
        ann, bob = world.person("ann", "#tea", caps=CAPS), world.person("bob", "#tea", caps=CAPS)
        world.hub.receive(bob.session, ["PRIVMSG #tea :1"])
        world.hub.work(lambda: False)
        world.hub.receive(ann.session, ["@label=a PRIVMSG #tea :2", "@label=b PRIVMSG #tea :3"])
        world.hub.work(lambda: False)
        world.hub.receive(bob.session, ["PRIVMSG #tea :4"])
        world.tick()
        read = ann.read()
        assert [(m.params[1], m.tags.get("label", "")) for m in read] == [("1", ""), ("2", "a"), ("3", "b"), ("4", "")]
        assert [m.params[1] for m in bob.read()] == ["1", "2", "3", "4"]

    def test_message_to_oneself_has_the_label_on_the_echo_only(self) -> None:
        """labeled-response, "Tags"."""
        ann = World().person("ann", caps=CAPS)
        read = ann.send("@label=a PRIVMSG ann :note").read()
        assert sorted(message.tags.get("label", "") for message in read) == ["", "a"]

    def test_several_targets_are_one_batch(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps=CAPS)
        world.person("bob")
        answer = one(ann.send("@label=a PRIVMSG #tea,bob,absent :hi"), "a")
        assert [message.command for message in answer.lines] == ["PRIVMSG", "PRIVMSG", "401"]

    def test_entering_several_rooms_is_one_proposal_and_one_batch(self) -> None:
        world = World()
        world.person("bob", "#a", "#b")
        ann = world.person("ann", caps=CAPS + " draft/chathistory")
        propose = world.order.propose
        proposed: list[Proposal] = []
        world.order.propose = proposed.append  # type: ignore[method-assign, assignment]
        ann.send("@label=j JOIN #a,#b")
        assert len(proposed) == 1
        propose(proposed[0])
        world.tick()
        answer = one(ann, "j")
        assert [message.command for message in answer.lines] == ["JOIN", "353", "366"] * 2

    def test_history_on_joining_is_a_batch_inside_the_batch(self) -> None:
        world = World()
        world.person("bob", "#tea").send("PRIVMSG #tea :one", "PRIVMSG #tea :two")
        ann = world.person("ann", caps=CAPS)
        answer = one(ann.send("@label=j JOIN #tea"), "j")
        assert [message.command for message in answer.lines] == ["JOIN", "353", "366", "BATCH"]

    def test_what_is_one_batch_already_is_not_wrapped(self) -> None:
        world = World()
        world.person("bob", "#tea").send("PRIVMSG #tea :one")
        ann = world.person("ann", "#tea", caps=CAPS + " draft/chathistory")
        opening = ann.send("@label=h CHATHISTORY LATEST #tea * 10").read()[0]
        assert opening.params[1] == "chathistory"
        assert opening.tags == {"label": "h"}

    def test_labelled_change_is_relayed_without_the_label(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps=CAPS)
        bob = world.person("bob", "#tea")
        ann.send("@label=t TOPIC #tea :Green?", "@label=m MODE #tea -t", "@label=n NICK anna", "@label=p PART #tea")
        read = [(message.command, message.tags["label"]) for message in ann.read()]
        assert read == [("TOPIC", "t"), ("MODE", "m"), ("NICK", "n"), ("PART", "p")]
        assert bob.commands() == ["TOPIC", "MODE", "NICK", "PART"]

    @pytest.mark.parametrize(
        ("line", "answer"),
        [
            ("NOSUCH", "421"),
            ("KICK", "461"),
            ("PRIVMSG absent :x", "401"),
            ("NOTICE absent :x", "ACK"),
            ("JOIN tea", "403"),
            ("TOPIC #nowhere :x", "403"),
            ("NICK 1x", "432"),
            ("NICK ann", "ACK"),
            ("CHATHISTORY LATEST #nowhere *", "FAIL"),
            ("CAP REQ :server-time", "CAP"),
            ("JOIN 0", "ACK"),
            ("AWAY :x", "306"),
            ("QUIT", "ERROR"),
        ],
    )
    def test_refusals_carry_the_label(self, line: str, answer: str) -> None:
        ann = World().person("ann", caps=CAPS + " draft/chathistory")
        assert ann.send(f"@label=a {line}").one(answer).tags["label"] == "a"

    def test_label_works_before_registration(self) -> None:
        person = World().connect().send("CAP REQ :batch labeled-response").forget()
        person.send("@label=w WHO", "@label=n NICK ann", "@label=u USER u 0 * :r", "@label=e CAP END")
        found = answers(person.read())
        assert [answer.label for answer in found] == ["w", "n", "u", "e"]
        assert found[3].lines[0].command == "001"


class TestBounds:
    def test_label_without_both_capabilities_is_ignored(self) -> None:
        ann = World().person("ann", caps="labeled-response")
        assert ann.send("@label=a PING x").one("PONG").tags == {}

    def test_label_over_64_bytes_is_refused(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps=CAPS)
        assert ann.send(f"@label={'ü' * 32} PING x").one("PONG").tags["label"] == "ü" * 32
        refused = ann.send(f"@label={'ü' * 32}x PRIVMSG #tea :hi").read()
        assert [message.params[:3] for message in refused] == [["PRIVMSG", "LABEL_TOO_LONG", "64"]]
        assert refused[0].tags == {}
        assert not [fact for fact in world.facts if fact.kind == "PRIVMSG"]

    def test_escaped_label_is_returned_unchanged(self) -> None:
        ann = World().person("ann", caps=CAPS)
        assert ann.send(r"@label=a\sb\:c\\d PING x").one("PONG").tags["label"] == "a b;c\\d"

    def test_unstored_command_is_refused_with_its_label(self) -> None:
        journal = HeldJournal()
        world = World(journal=journal)
        ann = world.connect().send(f"CAP REQ :{CAPS}", "NICK ann", "USER u 0 * :r", "CAP END", "JOIN #tea")
        journal.commit()
        world.tick()
        ann.forget()
        ann.send("@label=a PRIVMSG #tea :hi", "@label=b PRIVMSG #tea,ann :hi", "@label=c PRIVMSG ann :hi")
        journal.fail()
        world.tick()
        read = ann.read()
        assert [message.command for message in read] == ["FAIL"] * 3
        assert [message.tags["label"] for message in read] == ["a", "b", "c"]
        assert all(message.params[1] == "NOT_STORED" for message in read)

    def test_labelled_response_is_parked_with_its_facts(self) -> None:
        journal = HeldJournal()
        world = World(journal=journal)
        ann = world.connect().send("CAP REQ :batch labeled-response", "NICK ann", "USER u 0 * :r", "CAP END")
        ann.forget().send("@label=j JOIN #tea", "@label=p PING x")
        assert ann.lines() == []
        journal.commit()
        world.tick()
        assert [answer.label for answer in answers(ann.read())] == ["j", "p"]

    def test_failing_handler_leaves_no_open_response(self) -> None:
        world = World()
        ann, bob = world.person("ann", caps=CAPS), world.person("bob", caps=CAPS)

        def broken() -> int:
            raise ZeroDivisionError

        clock, world.hub._context.clock = world.hub._context.clock, broken
        ann.send("@label=a TIME")
        world.hub._context.clock = clock
        assert bob.forget().send("PING x").one("PONG").tags == {}


COMMANDS = st.sampled_from(
    [
        "PRIVMSG #a :{n}",
        "PRIVMSG #a,#b,p0 :{n}",
        "PRIVMSG p1 :{n}",
        "NOTICE absent :{n}",
        "@+typing=active TAGMSG #a",
        "@+draft/react=x TAGMSG #a",
        "JOIN #b,#c",
        "PART #b",
        "TOPIC #a :{n}",
        "CHATHISTORY LATEST #a * 5",
        "WHOIS p1",
        "PING {n}",
        "PONG {n}",
        "NOSUCH",
        "AWAY :{n}",
    ]
)
STEPS = st.lists(st.tuples(st.integers(0, 2), COMMANDS, st.booleans()) | st.sampled_from(["tick", "commit", "place"]))


class Pipelined:
    """Three people who send labelled commands without waiting; the order and the disk answer when told to."""

    def __init__(self, echoing: tuple[bool, bool, bool]) -> None:
        self.journal, self.order = HeldJournal(), HeldOrder()
        self.world = World(Rules(listener_limit=10, created=START), self.order, self.journal)
        self.people: list[Person] = []
        self.read: list[list[Message]] = [[], [], []]
        self.sent: list[list[str]] = [[], [], []]
        for number, echo in enumerate(echoing):
            caps = "batch labeled-response message-tags draft/chathistory" + (" echo-message" if echo else "")
            person = self.world.connect()
            person.send(f"CAP REQ :{caps}", f"NICK p{number}", "USER u 0 * :r", "CAP END", "JOIN #a")
            self.people.append(person)
            self.settle()
        for person in self.people:
            person.forget()

    def command(self, n: int, who: int, line: str, labelled: bool) -> None:
        text = line.format(n=n)
        if labelled:
            self.sent[who].append(str(n))
            text = f"@label={n};{text[1:]}" if text[0] == "@" else f"@label={n} {text}"
        self.world.hub.receive(self.people[who].session, [text])

    def step(self, what: str) -> None:
        if what == "place":
            self.order.let_go(1)
        elif what == "commit":
            self.journal.commit()
        self.world.tick()
        self.look()

    def settle(self) -> None:
        for _ in range(60):
            self.world.tick()
            self.order.let_go()
            self.world.tick()
            self.journal.commit()
            self.world.tick()

    def look(self) -> None:
        for number, person in enumerate(self.people):
            self.read[number] += person.read()


@pytest.mark.e2e
@settings(max_examples=150, deadline=None)
@given(STEPS, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_each_label_is_answered_once_and_in_the_order_of_the_commands(
    steps: list[tuple[int, str, bool] | str], echoing: tuple[bool, bool, bool]
) -> None:
    """For any pipelining, ordering and commits."""
    talk = Pipelined(echoing)
    for n, step in enumerate(steps):
        if isinstance(step, str):
            talk.step(step)
        else:
            talk.command(n, *step)
    talk.settle()
    talk.look()
    for number in range(3):
        found = answers(talk.read[number])
        assert [answer.label for answer in found if answer.label] == talk.sent[number]
