"""The bouncer ZNC, as Debian has it, between a client and a server: nothing is lost and nothing is repeated."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deadline import DEADLINE, eventually
from tests.e2e.processes import ServeProcess, needs
from tests.wire import Wire

pytestmark = pytest.mark.e2e

_CONFIG = """\
Version = 1.8.2
AnonIPLimit = 100
ConnectDelay = 0
ServerThrottle = 1
<Listener here>
    Port = {port}
    Host = 127.0.0.1
    IPv4 = true
    IPv6 = false
    SSL = false
    AllowIRC = true
    AllowWeb = false
</Listener>
<User zoe>
    Nick = zoe
    Ident = zoe
    AutoClearChanBuffer = true
    <Pass password>
        Method = plain
        Hash = sesame
    </Pass>
    <Network chat>
        Server = 127.0.0.1 {server}
        <Chan #tea>
        </Chan>
    </Network>
</User>
"""


def test_client_behind_znc_reads_each_message_once_over_a_reconnect(tmp_path: Path) -> None:
    needs("znc")
    with ServeProcess(tmp_path) as server, Wire(server.port).login("bob", "#tea") as bob:
        bob.send("PRIVMSG #tea :before zoe joined")
        with _znc(server.port) as port:
            assert bob.until("JOIN").nick == "zoe"
            bob.send("PRIVMSG #tea :while no client was attached")
            bob.ping()
            # Messages from before she joined are replayed by the server, the rest by ZNC.
            with _attached(port) as zoe:
                zoe.until(lambda message: message.params[1:] == ["while no client was attached"])
                bob.send("PRIVMSG #tea :while one was attached")
                zoe.until(lambda message: message.params[1:] == ["while one was attached"])
                zoe.send("PRIVMSG #tea :from behind ZNC")
                assert bob.until("PRIVMSG").params == ["#tea", "from behind ZNC"]

                # ZNC leaves and comes back, as after a lost connection; a message is sent in between.
                zoe.send("PRIVMSG *status :jump")
                assert bob.until("QUIT").nick == "zoe"
                bob.send("PRIVMSG #tea :while ZNC was away")
                assert bob.until("JOIN").nick == "zoe"
                bob.send("PRIVMSG #tea :after it rejoined")
                zoe.until(lambda message: message.params[1:] == ["after it rejoined"])
                assert _texts(zoe, "bob") == [
                    "before zoe joined",
                    "while no client was attached",
                    "while one was attached",
                    "while ZNC was away",
                    "after it rejoined",
                ]
                assert _texts(zoe, "zoe") == []
            with _attached(port) as again:
                again.ping()
                assert _texts(again, "bob") == []


def _texts(wire: Wire, sender: str) -> list[str]:
    """The texts that `wire` has read of `sender` in #tea."""
    return [
        message.params[1]
        for message in wire.read
        if message.command == "PRIVMSG" and message.nick == sender and message.params[0] == "#tea"
    ]


def _attached(port: int) -> Wire:
    """A client that is attached to ZNC."""
    wire = Wire(port).send("PASS zoe/chat:sesame", "CAP REQ :server-time", "CAP END", "NICK zoe", "USER zoe 0 * :Zoe")
    wire.until("366")
    return wire


@contextmanager
def _znc(server: int) -> Iterator[int]:
    """Run ZNC for the server at the port `server`; return the port for its clients.

    As root it waits for 30 seconds before it starts, so there it runs as another user, in a folder of its own.
    """
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as name, socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port: int = reserved.getsockname()[1]
        home = Path(name)
        (home / "configs").mkdir()
        (home / "configs" / "znc.conf").write_text(_CONFIG.format(port=port, server=server))
        if nobody:
            for path in (home, home / "configs", home / "configs" / "znc.conf"):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        reserved.close()
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                ["znc", "--foreground", "--datadir", name, "--no-color"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], "HOME": name},
                cwd="/",
                user=nobody.pw_uid if nobody else None,
                group=nobody.pw_gid if nobody else None,
                extra_groups=[] if nobody else None,
            )
        try:
            eventually(lambda: process.poll() is not None or _listens(port), "ZNC to listen")
            assert process.poll() is None, (home / "log").read_text()
            yield port
        finally:
            process.kill()
            process.wait(DEADLINE)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
