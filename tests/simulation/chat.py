"""A whole chat under one seeded scheduler, in one thread: state machine, journal, network, clients, and failures.

All events are drawn from a seed: senders, progress of the network, cuts, which data of a cut connection still arrives
and when, resends, outcomes of commits, crashes of the server. After every step and at the end the promises are checked
(:meth:`Chat.check`, :meth:`Chat.settle`).

A failing seed is run again with ``python -m tests.simulation.chat SEED``.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable

from chatctl.chat.delivery.session import Session
from chatctl.chat.engine import commit_gate
from chatctl.chat.engine.hub import Hub
from chatctl.chat.entries.order import LocalOrder
from chatctl.chat.model.policy import Rules
from chatctl.protocol import names
from chatctl.protocol.message import Message, nick_of, parse
from tests.chat.world import START, QuickWorkers
from tests.logs import ListLog
from tests.simulation.disk import Disk, SimulatedJournal

ROOM = "#a"
CAPS = "CAP REQ :echo-message message-tags chatctl/resume"


class Speaker:
    """A client that numbers what it says, and says it again after a cut (the rules of chat/commands/dedup.py)."""

    def __init__(self, nick: str) -> None:
        self.nick = nick
        self.count = 0
        self.waiting: dict[str, bool] = {}
        """Texts without an echo, in order; whether they went out on an earlier connection."""
        self.unsent: list[str] = []
        self.refused: set[str] = set()
        self.unknown: set[str] = set()
        """Texts that may have been lost in a cut, and are not said again."""
        self.seen: list[str] = []
        self.echoed: set[str] = set()
        self.doubled: set[str] = set()
        """Texts that were said again though they had their echo: each time is answered with it."""
        self.session: Session | None = None
        self.inside = False
        self.to_server: list[str] = []
        self.from_server = b""

    def connect(self, session: Session) -> None:
        self.session = session
        self.inside = False
        self.from_server = b""
        self.to_server = [CAPS, f"RESUME secret-{self.nick} one", f"NICK {self.nick}", "USER u 0 * :r", "CAP END"]
        self.to_server.append(f"JOIN {ROOM}")

    def cut(self) -> None:
        self.session = None
        self.inside = False
        self.to_server = []
        self.from_server = b""
        self.waiting = dict.fromkeys(self.waiting, True)

    def say(self) -> None:
        self.count += 1
        text = f"{self.nick}.{self.count}"
        if self.inside:
            self._send(text)
        else:
            self.unsent.append(text)

    def say_again(self) -> None:
        """Send a message again after its echo, as a client does whose echo was lost."""
        text = f"{self.nick}.{self.count}"
        if self.inside and text in self.echoed:
            self.doubled.add(text)
            self.to_server.append(f"@chatctl/ref={text};chatctl/resend PRIVMSG {ROOM} :{text}")

    def _send(self, text: str, again: str = "") -> None:
        self.waiting.setdefault(text, False)
        self.to_server.append(f"@chatctl/ref={text}{again} PRIVMSG {ROOM} :{text}")

    def hear(self, count: int) -> None:
        """Read up to `count` bytes in transit."""
        data, rest = self.from_server[:count], self.from_server[count:]
        whole = data.rpartition(b"\n")
        self.from_server = whole[2] + rest
        for line in whole[0].split(b"\r\n"):
            message = parse(line.decode().rstrip("\r"))
            if message is not None:
                self._hear_one(message)

    def _hear_one(self, message: Message) -> None:
        if message.command == "433":
            self.to_server.append(f"NICK {self.nick}")
        elif message.command == "366" and not self.inside:
            self.inside = True
            for text in list(self.waiting):
                self._send(text, ";chatctl/resend")
            unsent, self.unsent = self.unsent, []
            for text in unsent:
                self._send(text)
        elif message.command == "FAIL" and message.params[:2] == ["JOIN", "NOT_STORED"]:
            self.to_server.append(f"JOIN {ROOM}")
        elif message.command == "FAIL" and message.params[1] == "NOT_STORED" and message.params[0] == "PRIVMSG":
            text = next(iter(self.waiting), "")
            assert text, f"{self.nick} got a refusal after an echo"
            del self.waiting[text]
            self.refused.add(text)
        elif message.command == "PRIVMSG":
            text = message.params[1]
            if nick_of(message.source) == self.nick:
                again = text in self.echoed and text not in self.doubled
                assert not again, f"{self.nick} got the echo of {text} twice"
                self.echoed.add(text)
                self.waiting.pop(text, None)
            if "chatctl/ref" not in message.tags:
                self.seen.append(text)


class Plain(Speaker):
    """Any other client: it says several lines at once, without tags, and none of them again."""

    def cut(self) -> None:
        super().cut()
        self.unknown.update(self.waiting)
        self.waiting = {}

    def say(self) -> None:
        for _ in range(1 + self.count % 5):
            super().say()

    def say_again(self) -> None:
        pass

    def _send(self, text: str, again: str = "") -> None:
        self.waiting[text] = False
        self.to_server.append(f"PRIVMSG {ROOM} :{text}")


class Chat:
    """The scheduler. Of the people the last one is :class:`Plain`."""

    def __init__(self, seed: int, people: int = 4) -> None:
        self.chance = random.Random(seed)
        self.disk = Disk()
        self.now = START
        self.starts = 0
        self.ids = 0
        self.people = [*(Speaker(f"p{n}") for n in range(people - 1)), Plain(f"p{people - 1}")]
        self.log = ListLog()
        self.late: list[tuple[Session, list[str]]] = []
        """Data in transit when a connection was cut, which has not arrived."""
        self.over: set[int] = set()
        """Sessions that the server ended."""
        self._start()

    def _start(self) -> None:
        self.starts += 1
        self.journal = SimulatedJournal(self.disk)
        order = LocalOrder(lambda: self.now, f"boot{self.starts}", self.journal.last_seq(), self.journal.last_time())
        rules = Rules(listener_limit=20, created=START)
        self.hub = Hub(rules, order, self.journal, lambda: self.now, self.log, QuickWorkers())

    # Actions.

    def step(self) -> None:
        """One thing, drawn."""
        self.now += self.chance.randrange(200)
        actions: list[tuple[int, Callable[[], None]]] = [
            (30, self._somebody_speaks),
            (40, self._network),
            (30, self._tick),
            (20, self._commit),
            (4, self._somebody_is_cut),
            (6, self._late_arrival),
            (2, lambda: self._person().say_again()),
            (8, self._settings),
            (1, self._crash),
            (1, self._crash_after_write),
            (2, self._disk_full),
            (2, self._files_move),
        ]
        weights = [weight for weight, _ in actions]
        self.chance.choices([action for _, action in actions], weights)[0]()
        self.check()

    def _person(self) -> Speaker:
        return self.chance.choice(self.people)

    def _somebody_speaks(self) -> None:
        self._person().say()

    def _network(self) -> None:
        person = self._person()
        if person.session is None:
            self._connect(person)
        elif self.chance.random() < 0.5:
            self._to_server(person, self.chance.randrange(1, 8))
        else:
            person.hear(self.chance.randrange(1, 2000))

    def _connect(self, person: Speaker) -> None:
        self.ids += 1
        person.connect(self.hub.connect(self.ids, "127.0.0.1"))

    def _to_server(self, person: Speaker, count: int) -> None:
        lines, person.to_server = person.to_server[:count], person.to_server[count:]
        if person.session is not None and lines:
            self.hub.receive(person.session, [*lines])

    def _tick(self) -> None:
        self.hub.work(lambda: self.chance.random() < 0.2)
        self.hub.end_tick()
        self.hub.fanout.dirty.clear()
        for person in self.people:
            session = person.session
            if session is not None:
                person.from_server += session.take_output()
        self.over.update(session.id for session in self.hub.ended)
        self.hub.ended.clear()
        for person in self.people:
            # A client that has read all data before it notices the end.
            if person.session is not None and person.session.id in self.over and not person.from_server:
                person.cut()

    def _commit(self) -> None:
        if self.journal.queue:
            self.journal.commit()

    def _somebody_is_cut(self) -> None:
        """The connection breaks: some data in transit still arrives at the server, which may notice late."""
        person = self._person()
        session = person.session
        if session is None:
            return
        self._to_server(person, self.chance.randrange(0, 8))
        if person.to_server:
            self.late.append((session, person.to_server))
        person.cut()
        if self.chance.random() < 0.5:
            self.hub.disconnect(session, "Connection lost")

    def _late_arrival(self) -> None:
        """The rest arrives, by now perhaps behind what its sender said on the next connection."""
        if self.late:
            session, lines = self.late.pop(self.chance.randrange(len(self.late)))
            if self.hub.sessions.get(session.id) is session:  # otherwise that connection is not read any more
                self.hub.receive(session, [*lines])

    def _settings(self) -> None:
        person = self._person()
        if person.inside:
            line = self.chance.choice([f"TOPIC {ROOM} :{self.now}", f"MODE {ROOM} -t", f"MODE {ROOM} +t"])
            person.to_server.append(line)

    def _disk_full(self) -> None:
        if self.journal.queue:
            self.journal.fail()

    def _files_move(self) -> None:
        """The data folder is moved away under the server, or put back."""
        self.disk.moved = not self.disk.moved

    def _crash(self) -> None:
        """kill -9: data that is not on the disk is gone, and so are all connections. The next start finds the files."""
        self.disk.moved = False
        for person in self.people:
            person.cut()
        self.late.clear()
        self._start()

    def _crash_after_write(self) -> None:
        """The same between a commit and its notification."""
        if self.journal.queue:
            self.journal.write()
            self._crash()

    # Promises.

    def kept(self) -> list[str]:
        """The messages of the room that are on the disk, in order."""
        return [fact.text for fact in self.disk.facts if fact.kind == "PRIVMSG" and fact.place == ROOM]

    def check(self) -> None:
        """After every step."""
        kept = self.kept()
        known = set(kept)
        assert len(known) == len(kept), "a message is kept twice"
        for person in self.people:
            assert known.issuperset(person.seen), f"{person.nick} got a message that is not stored"
            assert known.issuperset(person.echoed), f"{person.nick} got an echo of a message that is not stored"
            assert known.isdisjoint(person.refused), "something refused is kept"
        users = self.hub.state.users.values()
        assert len({user.key for user in users}) == len(users), "two users have one name"
        assert self.hub.failures == 0, self.log.events[-1]

    def settle(self) -> None:
        """From here on nothing fails: all clients return, all data arrives. Then everything must be consistent."""
        self.disk.moved = False
        for _ in range(200):
            self.now += 2000
            for person in self.people:
                if person.session is None:
                    self._connect(person)
                self._to_server(person, 1000)
                self._tick()
                while self.journal.queue:
                    self.journal.commit()
                self._tick()
                person.hear(1 << 30)
            self.check()
            if all(person.inside and not (person.waiting or person.to_server) for person in self.people):
                break
        kept = self.kept()
        place = {text: at for at, text in enumerate(kept)}
        for person in self.people:
            said = {f"{person.nick}.{n}" for n in range(1, person.count + 1)} - person.refused
            known = said - person.unknown
            assert known <= {text for text in kept if text.startswith(f"{person.nick}.")} <= said
            assert known <= person.echoed <= said
            seen = [place[text] for text in person.seen]
            assert seen == sorted(set(seen)), f"{person.nick} saw another order, or something twice"
        times = [fact.time for fact in self.disk.facts if fact.place == ROOM]
        assert times == sorted(set(times)), "two things of one time: pages by time would lose one"
        self._rooms_are_what_the_facts_say()

    def _rooms_are_what_the_facts_say(self) -> None:
        topic, modes = "", set("nt")
        for fact in self.disk.facts:
            if fact.place != ROOM:
                continue
            if fact.kind == "TOPIC":
                topic = fact.text
            elif fact.kind == "MODE":
                letters = fact.text.partition(" ")[0]
                (modes.add if letters[0] == "+" else modes.discard)(letters[1])
        room = self.hub.state.rooms[names.room_fold(ROOM)]
        assert (room.topic, set(room.modes)) == (topic, modes)
        record = self.disk.rooms.get(ROOM)
        assert (record.topic, set(record.modes)) == (topic, modes) if record else (topic, modes) == ("", set("nt"))


def run(seed: int, steps: int = 250) -> None:
    """Run one life of a chat, with batching in every second seed ([batching] in commit_gate.py). Raises AssertionError
    with how to run it again."""
    talk, commit_gate.MIN_BATCHED_FACTS = (
        commit_gate.MIN_BATCHED_FACTS,
        1 if seed % 2 else commit_gate.MIN_BATCHED_FACTS,
    )
    chat = Chat(seed)
    try:
        for _ in range(steps):
            chat.step()
        chat.settle()
    except AssertionError as error:
        raise AssertionError(f"{error}\nrun it again: python -m tests.simulation.chat {seed}") from error
    finally:
        commit_gate.MIN_BATCHED_FACTS = talk


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        first, _, last = argument.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            run(seed)
    print("nothing found")
