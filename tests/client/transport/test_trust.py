"""Which servers are believed: vouched for, accepted before, or neither."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chatctl.client import Client, Timing
from chatctl.client import events as e
from chatctl.client.name_check import NameCheck
from chatctl.client.transport.trust import (
    AUTHORITY,
    ChangedServerError,
    DateError,
    NoAuthorityError,
    Trust,
    UnknownServerError,
    UntrustedError,
    WrongFingerprintError,
    WrongNameError,
)
from chatctl.errors import UnreachableError
from chatctl.server import Server, TlsConfig
from tests.ports import steady_port
from tests.server.tls import DEADLINE, Authority


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    with Server(port=0, tls=TlsConfig("required", folder=tmp_path / "server")) as running:
        yield running


def pin(server: Server) -> str:
    loaded = server.certificate()
    assert loaded is not None
    return loaded.pin


def join(server: Server, trust: Trust, host: str = "127.0.0.1") -> Client:
    return Client(host, server.port, name="ann", trust=trust, secret="s", password="tea")


def address(server: Server) -> str:
    return f"127.0.0.1:{server.port}"


def test_first_visit_asks_the_user_before_anything_is_sent(server: Server, tmp_path: Path) -> None:
    trust = Trust(True, folder=tmp_path)
    with pytest.raises(UnknownServerError) as caught:
        join(server, trust).start()
    assert caught.value.pin == pin(server)
    assert caught.value.exit_code == 5
    assert caught.value.pin in str(caught.value)
    with pytest.raises(UnknownServerError), NameCheck("127.0.0.1", server.port, trust=trust):
        pass


def test_accepted_certificate_is_trusted_from_then_on(server: Server, tmp_path: Path) -> None:
    trust = Trust(True, folder=tmp_path)
    trust.accept(address(server), pin(server))
    assert (tmp_path / "client.json").stat().st_mode & 0o777 == 0o600
    with join(server, trust) as client:
        assert client.online
    with NameCheck("127.0.0.1", server.port, trust=trust) as checking:
        assert checking.check("bob").status == "free"


def test_changed_key_is_refused_without_a_question(server: Server, tmp_path: Path) -> None:
    trust = Trust(True, folder=tmp_path)
    trust.accept(address(server), "SHA256:" + "x" * 43)
    with pytest.raises(ChangedServerError) as caught:
        join(server, trust).start()
    assert f"--fingerprint {pin(server)}" in str(caught.value)
    assert trust.known(address(server)) == "SHA256:" + "x" * 43


def test_given_fingerprint_decides_alone_and_is_remembered(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WrongFingerprintError):
        join(server, Trust(True, "SHA256:" + "x" * 43, tmp_path)).start()
    loaded = server.certificate()
    assert loaded is not None
    Trust(folder=tmp_path).accept(address(server), "SHA256:" + "x" * 43)  # it accepts a changed one
    for fingerprint in (loaded.pin, loaded.fingerprint):
        with join(server, Trust(True, fingerprint, tmp_path)) as client:
            assert client.online
    with join(server, Trust(True, folder=tmp_path)) as client:
        assert client.online


def test_certificate_of_an_authority_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    trust = Trust(True, folder=tmp_path)
    plan = TlsConfig("required", *authority.issue("localhost"))
    with Server(port=steady_port(), tls=plan) as server:
        with join(server, trust, "localhost") as client:
            assert client.online
        with pytest.raises(WrongNameError, match=r"not for 127\.0\.0\.1. Use localhost, or"):
            join(server, trust).start()
        assert trust.known(f"localhost:{server.port}") == AUTHORITY
        port = server.port
    # Now a server without an authority answers.
    with Server(port=port, tls=TlsConfig("required")) as server, pytest.raises(ChangedServerError):
        join(server, trust, "localhost").start()


def test_known_server_that_moved_to_an_authority_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    trust = Trust(True, folder=tmp_path)
    with Server(port=0, tls=TlsConfig("required", *authority.issue("127.0.0.1"))) as server:
        trust.accept(address(server), "SHA256:" + "x" * 43)
        with join(server, trust) as client:
            assert client.online
        assert trust.known(address(server)) == AUTHORITY


@pytest.mark.e2e
def test_certificate_changed_during_a_reconnect_ends_the_client(tmp_path: Path) -> None:
    trust = Trust(True, folder=tmp_path)
    with Server(port=steady_port(), tls=TlsConfig("required")) as first:
        port = first.port
        trust.accept(address(first), pin(first))
        client = join(first, trust).start()
    try:
        with Server(port=port, tls=TlsConfig("required")):
            for _ in client.events(timeout=10):
                pass
            assert isinstance(client.error, ChangedServerError)
    finally:
        client.stop()


NOT_VALID = [({"days": -1}, "expired on 2"), ({"begins": 1}, "is not valid before 2")]


@pytest.mark.parametrize(("dates", "why"), NOT_VALID)
def test_expired_or_early_certificate_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dates: dict[str, Any], why: str
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    trust = Trust(True, folder=tmp_path)
    with (
        Server(port=0, tls=TlsConfig("required", *authority.issue("localhost", **dates))) as server,
        pytest.raises(DateError, match=f"localhost:{server.port} {why}") as caught,
    ):
        join(server, trust, "localhost").start()
    assert "same as before" not in str(caught.value)


@pytest.mark.parametrize(("dates", "why"), NOT_VALID)
def test_attack_is_suspected_only_if_the_key_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dates: dict[str, Any], why: str
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    trust = Trust(True, folder=tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    with Server(port=steady_port(), tls=TlsConfig("required", *authority.issue("localhost", key=key))) as server:
        port = server.port
        join(server, trust, "localhost").start().stop()
    with Server(port=port, tls=TlsConfig("required", *authority.issue("localhost", key=key, **dates))) as server:
        with pytest.raises(DateError, match="its key has not changed") as caught:
            join(server, trust, "localhost").start()
        assert why in str(caught.value)
        with join(server, Trust(True, pin(server), tmp_path), "localhost") as client:
            assert client.online
    trust.accept(f"localhost:{port}", AUTHORITY, "SHA256:" + "x" * 43)
    with (
        Server(port=port, tls=TlsConfig("required", *authority.issue("localhost", key=key, **dates))) as server,
        pytest.raises(ChangedServerError),
    ):
        join(server, trust, "localhost").start()


def test_same_key_without_an_authority_is_the_same_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    trust = Trust(True, folder=tmp_path)
    with Server(port=0, tls=TlsConfig("required", *authority.issue("localhost"))) as server:
        join(server, trust, "localhost").start().stop()
        (tmp_path / "none").mkdir()
        monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path / "none").file))
        with pytest.raises(NoAuthorityError, match="its key has not changed"):
            join(server, trust, "localhost").start()


def test_renewed_certificate_with_an_accepted_key_is_trusted(tmp_path: Path) -> None:
    authority, key = Authority(tmp_path), ec.generate_private_key(ec.SECP256R1())
    trust = Trust(True, folder=tmp_path)
    renewals: list[dict[str, Any]] = [{}, {"days": -1}, {"days": 200}]
    for dates in renewals:
        with Server(port=0, tls=TlsConfig("required", *authority.issue("x", key=key, **dates))) as server:
            trust.accept(address(server), pin(server))
            with join(server, trust) as client:
                assert client.online


def test_first_visit_to_an_expired_certificate_says_so(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("127.0.0.1", days=-1)
    with Server(port=0, tls=TlsConfig("required", *files)) as server:
        with pytest.raises(UnknownServerError, match="public authority, and expired on 2") as caught:
            join(server, Trust(True, folder=tmp_path)).start()
        assert caught.value.validity.startswith("expired on 2")


def test_registered_client_retries_until_the_certificate_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, key = Authority(tmp_path), ec.generate_private_key(ec.SECP256R1())
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    trust = Trust(True, folder=tmp_path)
    timing = Timing(first_pause=0.01, longest_pause=0.01)
    with Server(port=steady_port(), tls=TlsConfig("required", *authority.issue("localhost", key=key))) as first:
        port = first.port
        client = Client("localhost", port, name="ann", trust=trust, secret="s", timing=timing).start()
    events = client.events(timeout=DEADLINE)
    try:
        with Server(port=port, tls=TlsConfig("required", *authority.issue("localhost", key=key, days=-1))):
            assert any(isinstance(event, e.Reconnecting) and "expired on 2" in event.reason for event in events)
        with Server(port=port, tls=TlsConfig("required", *authority.issue("localhost", key=key))):
            assert any(isinstance(event, e.Reconnected) for event in events)
    finally:
        client.stop()
    assert client.error is None


def test_tls_is_required_for_other_machines_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Server(port=0, tls=TlsConfig("auto")) as server:
        with Client(port=server.port, name="ann", trust=Trust(folder=tmp_path), secret="s") as client:
            assert client.online
        monkeypatch.setattr(socket.socket, "getpeername", lambda self: ("192.0.2.9", 1))
        with pytest.raises(UntrustedError):
            Client(port=server.port, name="ann", trust=Trust(folder=tmp_path), secret="s").start()
        with Client(port=server.port, name="ann", trust=Trust(False, folder=tmp_path), secret="s") as client:
            assert client.online


def test_server_without_tls_is_named_as_such(tmp_path: Path) -> None:
    with Server(port=0) as server, pytest.raises(UnreachableError, match="--no-tls"):
        join(server, Trust(True, folder=tmp_path)).start()


def test_untrusted_server_receives_nothing(tmp_path: Path) -> None:
    """A listener that counts received bytes: no byte of NICK or PASS, whatever the result of the handshake."""
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            sock, _ = listener.accept()
            with sock:
                heard.extend(sock.recv(65536))
                sock.sendall(b":irc.example 001 ann :Welcome\r\n")

        thread = threading.Thread(target=listen)
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(UnreachableError):
            Client(port=port, name="ann", password="tea", trust=Trust(True, folder=tmp_path), secret="s").start()
        thread.join()
    assert heard[:1] == b"\x16"
    assert b"ann" not in heard
    assert b"tea" not in heard


def test_other_stored_data_is_preserved(tmp_path: Path) -> None:
    (tmp_path / "client.json").write_text('{"secret": "x", "servers": {"a:1": "p"}}')
    Trust(folder=tmp_path).accept("B:2", "q")
    content = json.loads((tmp_path / "client.json").read_text())
    assert content == {"secret": "x", "servers": {"a:1": "p", "b:2": "q"}}
