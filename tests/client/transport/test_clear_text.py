"""No password, invitation or resume secret is sent to another machine in clear text."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chatctl.client import connection as link_module
from chatctl.client import events as e
from chatctl.client.client import Client
from chatctl.client.engine import ClientEngine
from chatctl.client.errors import ClearTextError
from chatctl.client.login import account_registration
from chatctl.client.login.account_login import AccountLogin
from chatctl.client.login.resume_tokens import ResumeTokens
from chatctl.client.timing import Timing
from chatctl.client.transport.trust import Trust, is_this_machine
from tests.client.peer import Peer, Talk
from tests.wire import DEADLINE

OURS = "chatctl/resume echo-message message-tags server-time standard-replies draft/account-registration"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def state(**how: object) -> ClientEngine:
    return ClientEngine("ann", identity=ResumeTokens("resume-secret", "instance"), now=lambda: NOW, **how)  # type: ignore[arg-type]


def sent(state: ClientEngine) -> str:
    text = b"".join(line.data for line in state.lines).decode()
    state.lines.clear()
    return text


def granted(state: ClientEngine, offered: str) -> str:
    """Offer capabilities and grant requests; return the lines sent then."""
    state.receive(f":s CAP * LS :{offered}")
    asked = sent(state)
    state.receive(f":s CAP * ACK :{asked.partition('CAP REQ :')[2].split(chr(13))[0]}")
    return asked


def test_server_password_is_not_sent_in_clear_and_nothing_else_is() -> None:
    ann = state(password="sesame")
    ann.connected(secure=False)
    assert sent(ann) == ""
    assert isinstance(ann.refusal, ClearTextError)
    assert "sesame" not in str(ann.refusal)
    ann.lost()
    ann.connected(secure=True)
    assert ann.refusal is None
    assert "PASS sesame" in sent(ann)


def test_resume_secret_is_sent_over_secure_connections_only() -> None:
    ann = state()
    for secure in (True, False, True):
        ann.connected(secure=secure)
        assert ("chatctl/resume" in granted(ann, OURS)) == secure
        ann.receive(":s CAP * ACK :chatctl/resume")  # also if it was not asked for
        assert ("resume-secret" in sent(ann)) == secure
        ann.lost()


@pytest.mark.parametrize("offered", ["sasl=PLAIN", "sasl", "sasl=PLAIN,EXTERNAL"])
def test_an_account_password_is_not_sent_in_clear(offered: str) -> None:
    ann = state(login=AccountLogin("ann", "sesame"))
    ann.connected(secure=False)
    granted(ann, f"{offered} {OURS}")
    ann.receive(":s AUTHENTICATE +")
    assert "AUTHENTICATE" not in sent(ann)
    assert isinstance(ann.refusal, ClearTextError)


def test_an_invitation_and_its_new_password_are_not_sent_in_clear() -> None:
    ann = state(login=AccountLogin("ann", "sesame", "token"))
    ann.connected(secure=False)
    granted(ann, f"sasl=SCRAM-SHA-256 {OURS}")
    text = sent(ann)
    assert "token" not in text
    assert "sesame" not in text
    assert isinstance(ann.refusal, ClearTextError)


def test_register_requested_over_tls_is_not_sent_in_clear_later() -> None:
    ann = state()
    ann.connected(secure=True)
    ann.receive(f":s CAP * LS :{OURS}")
    assert account_registration.possible(ann)
    ann.lost()
    ann.connected(secure=False)
    ann.receive(f":s CAP * LS :{OURS}")
    sent(ann)
    account_registration.begin(ann, "sesame")
    assert "sesame" not in sent(ann)
    assert any(isinstance(event, e.Failed) for event in ann.events)


# With sockets: a connection that counts as one to another machine.


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "is_secure", lambda sock: hasattr(sock, "getpeercert"))


@pytest.mark.usefixtures("elsewhere")
def test_client_with_a_secret_ends_at_once_on_a_clear_connection() -> None:
    with Peer(lambda talk: talk.rest()) as peer:
        client = Client(port=peer.port, name="ann", trust=Trust(False), timing=Timing(enter=600), password="sesame")
        with pytest.raises(ClearTextError, match="--tls"):
            client.start()


def test_reconnect_without_tls_ends_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    secure = iter([True, False])
    monkeypatch.setattr(link_module, "is_secure", lambda sock: next(secure))
    seen: list[str] = []

    def script(talk: Talk) -> None:
        talk.welcome("ann")

    def second(talk: Talk) -> None:
        seen.extend(talk.rest() or [])

    with Peer(script, second) as peer:
        client = Client(port=peer.port, name="ann", password="sesame", timing=Timing(first_pause=0.01)).start()
        for _ in client.events(timeout=DEADLINE):
            pass
        assert isinstance(client.error, ClearTextError)
    assert seen == []


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        with client, accepted:
            yield client, accepted


def test_loopback_counts_as_this_machine(pair: tuple[socket.socket, socket.socket]) -> None:
    assert is_this_machine(pair[0])


class Named:
    """A socket as far as its names go."""

    def __init__(self, own: str, peer: str) -> None:
        self._own, self._peer = own, peer

    def getsockname(self) -> tuple[str, int]:
        return self._own, 1

    def getpeername(self) -> tuple[str, int]:
        return self._peer, 2


@pytest.mark.parametrize(
    ("own", "peer", "here"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1", True),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", False),
        ("10.0.0.1", "127.0.0.9", True),
    ],
)
def test_address_is_classified_as_this_machine_or_another(own: str, peer: str, here: bool) -> None:
    assert is_this_machine(Named(own, peer)) is here  # type: ignore[arg-type]
