"""The worker threads: fair, bounded, on the owner's thread in the end."""

from __future__ import annotations

import queue
from collections.abc import Callable

from chatctl.chat.entries.tasks import CheckPassword, Done, MakeVerifier
from chatctl.chat.model.policy import Rules
from chatctl.protocol import scram
from chatctl.server import Server
from chatctl.server.workers import MAX_QUEUED_TASKS, WorkerThreads
from tests.wire import DEADLINE, Wire

VERIFIER = str(scram.make("right", b"salt", 4096))


class Desk:
    """The owner's side: runs results when it is told to."""

    def __init__(self, threads: int) -> None:
        self.calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.workers = WorkerThreads(threads)
        self.workers.start(self.calls.put)
        self.done: list[tuple[str, Done]] = []

    def ask(self, name: str, who: str, password: str = "right", verifier: str = VERIFIER) -> None:
        self.workers.ask(who, CheckPassword(password, verifier), lambda done: self.done.append((name, done)))

    def run(self, count: int) -> None:
        """Until `count` results are there."""
        while len(self.done) < count:
            self.calls.get(timeout=DEADLINE)()


def test_results_return_on_the_owner_thread() -> None:
    desk = Desk(2)
    made: list[Done] = []
    desk.workers.ask("a", MakeVerifier("right", 4096), made.append)
    desk.calls.get(timeout=DEADLINE)()
    assert scram.matches("right", scram.parse(str(made[0])))
    desk.ask("yes", "a")
    desk.ask("no", "a", "wrong")
    desk.ask("damaged", "a", "right", "nonsense")
    desk.run(3)
    assert dict(desk.done) == {"yes": True, "no": False, "damaged": None}
    desk.workers.stop(1)


def test_addresses_take_turns_with_the_latest_task_first() -> None:
    desk = Desk(0)  # no worker runs: the order is observed
    for number in range(MAX_QUEUED_TASKS * 2):
        desk.ask(f"guess {number}", "guesser")
    desk.ask("owner", "owner")
    desk.run(MAX_QUEUED_TASKS)
    assert desk.done == [(f"guess {number}", None) for number in range(MAX_QUEUED_TASKS)]
    for _ in range(3):
        wanted = desk.workers._next()
        assert wanted is not None
        wanted[1](True)
    last = MAX_QUEUED_TASKS * 2 - 1
    assert [name for name, _ in desk.done[MAX_QUEUED_TASKS:]] == [f"guess {last}", "owner", f"guess {last - 1}"]
    desk.workers.stop(1)


def test_operator_logs_in_while_others_guess() -> None:
    """The operator does not wait for a thousand guesses."""
    rules = Rules(operators={"root": str(scram.make("right", b"salt", 100_000))})
    with Server(port=0, listener_limit=100, rules=rules) as server, Wire(server.port).login("eve") as eve:
        eve.send(*["OPER root guess"] * 1000)
        eve.until("464")
        with Wire(server.port).login("ann") as ann:
            ann.send("OPER root right").until("381")
