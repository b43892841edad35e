"""A server killed in the middle of a busy conversation, comparing all received messages with the history.

Used by the test (a few rounds) and by hand for many: ``python -m tests.e2e.crash 200``.
"""

from __future__ import annotations

import contextlib
import random
import select
import signal
import sys
import tempfile
from pathlib import Path

from tests.e2e.processes import ServeProcess
from tests.wire import Wire

SENDERS = 6
READERS = 2
ROOM = "#busy"
_BURST = 20


class Talker:
    """A connection whose bytes are kept as they come: what it saw is looked at when all is over."""

    def __init__(self, port: int, nick: str) -> None:
        self.nick = nick
        self.sent = 0
        wire = Wire(port).login(nick, ROOM, caps="echo-message message-tags")
        self.sock = wire.sock
        self.sock.setblocking(False)
        self.data = bytearray()

    def say(self) -> None:
        """Send a burst, as far as the system takes it whole."""
        lines = "".join(f"PRIVMSG {ROOM} :{self.nick}.{self.sent + n}\r\n" for n in range(_BURST)).encode()
        with contextlib.suppress(OSError):
            if self.sock.send(lines) == len(lines):
                self.sent += _BURST

    def read(self) -> bool:
        """Read input; return False at the end of the connection."""
        try:
            data = self.sock.recv(1 << 20)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.data += data
        return bool(data)

    def saw(self) -> list[tuple[str, str]]:
        """The whole messages it read: (id, text), in order."""
        seen = []
        for line in bytes(self.data).split(b"\r\n")[:-1]:
            head, found, text = line.decode().partition(f" PRIVMSG {ROOM} :")
            if found:
                id = head.partition("msgid=")[2].partition(";")[0].partition(" ")[0]
                seen.append((id, text))
        return seen


def one_round(home: Path, seed: int) -> tuple[int, int]:
    """Send, kill -9 at a random moment, restart, compare; return the numbers of received and of stored messages.

    Raises AssertionError with the difference.
    """
    chance = random.Random(seed)
    with ServeProcess(home, CHATCTL_LISTENER_LIMIT="20", CHATCTL_LOG__LEVEL="error") as server:
        talkers = [Talker(server.port, f"t{seed}_{n}") for n in range(SENDERS + READERS)]
        enough = chance.randrange(2_000, 400_000)
        while sum(len(talker.data) for talker in talkers) < enough:
            for talker in talkers[:SENDERS]:
                talker.say()
            ready, _, _ = select.select([talker.sock for talker in talkers], [], [], 1.0)
            for talker in talkers:
                if talker.sock in ready:
                    assert talker.read(), "a connection ended before the kill"
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        for talker in talkers:
            talker.sock.setblocking(True)
            while talker.read():
                pass
            talker.sock.close()
    with ServeProcess(home, CHATCTL_LISTENER_LIMIT="20", CHATCTL_LOG__LEVEL="error") as again:
        kept = history(again.port, f"t{seed}_")
        code, _ = again.stop()
        assert code == 0
    ids = [id for id, _ in kept]
    assert len(ids) == len(set(ids)), "a message is in the history twice"
    assert len({text for _, text in kept}) == len(kept), "a text is in the history twice"
    place = {message: at for at, message in enumerate(kept)}
    everybody: set[tuple[str, str]] = set()
    for talker in talkers:
        seen = talker.saw()
        everybody.update(seen)
        missing = [message for message in seen if message not in place]
        assert not missing, f"seed {seed}: {talker.nick} saw {missing[:3]}, which history does not hold"
        order = [place[message] for message in seen]
        assert order == list(range(order[0], order[0] + len(order))) if order else True, (
            f"seed {seed}: {talker.nick} saw another order, or a gap"
        )
    return len(everybody), len(kept)


def history(port: int, prefix: str, room: str = ROOM) -> list[tuple[str, str]]:
    """All messages of the room whose text begins with `prefix`, asked for page by page."""
    found: list[tuple[str, str]] = []
    caps = "batch message-tags server-time draft/chathistory"
    with Wire(port).login("historian", room, caps=caps) as wire:
        mark = "*"
        while True:
            command = "LATEST" if mark == "*" else "BEFORE"
            wire.send(f"CHATHISTORY {command} {room} {mark} 200")
            wire.until(lambda m: m.command == "BATCH" and m.params[0][0] == "+")
            before = len(wire.read)
            wire.until(lambda m: m.command == "BATCH" and m.params[0][0] == "-")
            page = [m for m in wire.read[before:] if m.command == "PRIVMSG"]
            mine = [(m.tags["msgid"], m.params[1]) for m in page if m.params[1].startswith(prefix)]
            found = mine + found
            if not page or len(mine) < len(page):
                return found
            mark = f"msgid={page[0].tags['msgid']}"


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        seen = kept = 0
        for seed in range(first, first + rounds):
            more, all_of_it = one_round(Path(folder), seed)
            seen += more
            kept += all_of_it
            print(f"\rround {seed}: {seen} messages seen, all of them kept ({kept} in all)", end="", flush=True)
        print(f"\n{rounds} rounds, no difference")
