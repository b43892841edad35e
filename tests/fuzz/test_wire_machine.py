"""Any client may send anything: users, rooms and garbage over real sockets, in any order.

After every step: the server answers a bystander, no handler failed, and at the end there are as many threads and
descriptors as before. Brief by default; for long: ``FUZZ_EXAMPLES=5000 FUZZ_STEPS=200 pytest tests/fuzz``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from chatctl.chat.commands.registry import COMMANDS
from chatctl.server import Limits, Server, TlsConfig
from tests.server.tls import TlsWire
from tests.wire import DEADLINE, Wire

pytestmark = pytest.mark.e2e

words = st.one_of(
    st.sampled_from(
        [
            "#lobby",
            "#a",
            "#",
            "ann",
            "bob",
            "*",
            "0",
            "+b",
            "-o+v",
            "*!*@*",
            "LS",
            "END",
            "REQ",
            "latest",
            "+draft/multiline",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0 "), min_size=1, max_size=20),
)
tags = st.dictionaries(
    st.text(st.sampled_from("abz+-/=.;label"), min_size=1, max_size=8),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0 ;"), max_size=10),
    max_size=3,
).map(lambda found: "@" + ";".join(f"{key}={value}" for key, value in found.items()) + " " if found else "")
lines = st.builds(
    lambda tag, command, params, last: f"{tag}{command} {' '.join(params)} :{last}".encode(errors="ignore"),
    tags,
    st.sampled_from([*COMMANDS, "NONSENSE"]),
    st.lists(words, max_size=5),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=80),
)
rubbish = st.one_of(st.binary(max_size=300), lines, st.just(b"x" * 9000), st.just(b"@" + b"a" * 8500))


def held() -> tuple[int, int]:
    """Threads and open descriptors."""
    return threading.active_count(), len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


class Chat(RuleBasedStateMachine):
    """One server, up to eight connections, one bystander who must always be answered."""

    @initialize()
    def start(self) -> None:
        self.before = held()
        limits = Limits(linger_seconds=0.1, registration_bytes=1 << 20)
        self.server = Server(port=0, listener_limit=100, limits=limits, tls=TlsConfig("optional")).start()
        self.server.certificate()
        self.bystander = Wire(self.server.port).login("bystander", "#lobby")
        self.open: list[Wire] = []
        self.count = 0

    @precondition(lambda self: len(self.open) < 8)
    @rule(tls=st.booleans(), login=st.booleans(), caps=st.sampled_from(["", "batch message-tags labeled-response"]))
    def connect(self, tls: bool, login: bool, caps: str) -> None:
        self.count += 1
        wire = TlsWire(self.server.port) if tls else Wire(self.server.port)
        self.open.append(wire)
        if login:
            wire.login(f"user{self.count}", "#lobby", caps=caps)

    @precondition(lambda self: self.open)
    @rule(
        data=st.lists(rubbish, min_size=1, max_size=6),
        which=st.integers(0, 7),
        ends=st.sampled_from([b"\r\n", b"\n", b""]),
    )
    def say(self, data: list[bytes], which: int, ends: bytes) -> None:
        wire = self.open[which % len(self.open)]
        with contextlib.suppress(OSError):
            wire.send_bytes(b"".join(item + ends for item in data))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 7))
    def read(self, which: int) -> None:
        """A session's output is UTF-8, whole lines, none too long (checked by Wire)."""
        wire = self.open[which % len(self.open)]
        wire.sock.settimeout(0.01)
        with contextlib.suppress(TimeoutError, ssl.SSLWantReadError, OSError):
            while not wire.ended:
                wire._receive()
        wire.sock.settimeout(DEADLINE)

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 7), reset=st.booleans())
    def hang_up(self, which: int, reset: bool) -> None:
        wire = self.open.pop(which % len(self.open))
        if reset:
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wire.close()

    @rule(data=st.binary(min_size=1, max_size=200))
    def half_a_handshake(self, data: bytes) -> None:
        with Wire(self.server.port) as wire, contextlib.suppress(OSError):
            wire.send_bytes(b"\x16\x03\x01" + data)

    @rule()
    def the_bystander_is_answered(self) -> None:
        self.bystander.ping()
        loop = self.server._loop
        assert loop is not None
        assert loop._hub.failures == 0, "a handler failed"

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        try:
            self.the_bystander_is_answered()
        finally:
            for wire in (*self.open, self.bystander):
                wire.close()
            self.server.stop()
        by = time.monotonic() + DEADLINE
        while held() != self.before:
            assert time.monotonic() < by, f"before {self.before}, after {held()}"
            time.sleep(0.01)


TestChat = Chat.TestCase
TestChat.settings = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "12")),
    stateful_step_count=int(os.environ.get("FUZZ_STEPS", "25")),
    deadline=None,
    phases=(Phase.generate, Phase.shrink) if "FUZZ_EXAMPLES" in os.environ else (Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
