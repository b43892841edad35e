"""Does a delivery cost more where there are more users, more members, or more history?

Run by hand: ``python -m bench.growth [--rounds 3]``. Prints a table: CPU of the server for each delivery, with
its durable history on; medians. Storing a million messages first takes a minute.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.compare import Work, machine, one_round
from bench.rivals import running
from chatctl.chat.entries.facts import Fact
from chatctl.journal.index import place_index, text_index
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from chatctl.journal.store.data_folder import journal_file, prepare

USERS = (100, 1000, 4000, 10_000)
MEMBERS = (100, 500, 1000, 2000)
STORED = (1_000, 10_000, 100_000, 1_000_000)


def cost(flags: tuple[str, ...], rounds: int, stored: int = 0) -> float:
    """Return the CPU microseconds per delivery."""
    work = Work("growth", "", flags, ())
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        data = Path(folder, "data")
        if stored:
            fill(data, stored)
        with running("chatctl", data) as server:
            return statistics.median(one_round(server, work)["cpu_us"] for _ in range(rounds))


def fill(data: Path, count: int) -> None:
    """Store this many messages of fifty rooms, and bring both indexes up to date."""
    store = SqliteStore(journal_file(prepare(data)))
    store.open()
    for first in range(1, count + 1, 5000):
        store.commit(StoreBatch([_fact(seq) for seq in range(first, min(first + 5000, count + 1))]))
    while text_index.follow(store, 5000) or place_index.follow(store):
        pass
    store.checkpoint(whole=True)
    store.close()


def _fact(seq: int) -> Fact:
    room = f"#room{seq % 50}"
    source = f"user{seq % 997}!~u@host{seq % 997}.example"
    text = f"message {seq} about topic {seq % 4999}"
    return Fact(seq, 0, 1_700_000_000_000 + seq, f"old-{seq}", "PRIVMSG", room, room, source, "", text, {})


def rooms_of_20(users: int) -> tuple[str, ...]:
    """Return a sender in each room, at most 50, with two messages in flight each."""
    rooms = users // 20
    senders = min(50, rooms)
    flags = {
        "--clients": users,
        "--rooms": rooms,
        "--senders": senders,
        "--messages": 400 * senders,
        "--window": 2 * senders,
    }
    return tuple(str(part) for pair in flags.items() for part in pair)


def rows(rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Growing sizes, and the costs."""
    yield "users, in rooms of 20: " + _said(USERS), [cost(rooms_of_20(users), rounds) for users in USERS]
    one = [
        cost(("--clients", str(members), "--senders", "4", "--messages", str(4_000_000 // members)), rounds)
        for members in MEMBERS
    ]
    yield "members of one room: " + _said(MEMBERS), one
    yield "messages stored before: " + _said(STORED), [cost(rooms_of_20(1000), rounds, stored) for stored in STORED]


def _said(numbers: tuple[int, ...]) -> str:
    return ", ".join(f"{number:,}" for number in numbers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(machine())
    print("\n| what grows | CPU a delivery |\n|---|---|")
    for name, found in rows(options.rounds):
        print(f"| {name} | {', '.join(f'{value:.2f}' for value in found)} us |", flush=True)
    sys.exit(0)
