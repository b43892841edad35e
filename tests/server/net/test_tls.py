"""TLS on the port that talks plain text too."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.model.policy import Rules
from chatctl.cli.control_client import ask_server
from chatctl.errors import StartError
from chatctl.journal import prepare
from chatctl.protocol import certificate as shown
from chatctl.server import Limits, Server, TlsConfig
from chatctl.server import certificate as certificates
from chatctl.server.tls_config import Mode
from tests.logs import ListLog
from tests.ports import steady_port
from tests.server.tls import Authority, TlsWire, trusting
from tests.wire import DEADLINE, Wire


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(port=0, listener_limit=50, tls=TlsConfig(folder=tmp_path)) as running:
        yield running


def eventually(holds: object, what: str) -> None:
    """Wait until calling `holds` gives true."""
    assert callable(holds)
    by = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < by, what
        time.sleep(0.01)


def test_one_port_serves_plain_text_and_tls(server: Server) -> None:
    with TlsWire(server.port).login("alice", "#lobby") as alice, Wire(server.port).login("bob", "#lobby") as bob:
        alice.send("PRIVMSG #lobby :héllo 🎉")
        assert bob.until("PRIVMSG").params == ["#lobby", "héllo 🎉"]
        bob.send("PRIVMSG #lobby :hi")
        assert alice.until("PRIVMSG").params[1] == "hi"
        alice.send("QUIT").until_end()  # an end that TLS knows as one, or reading it would raise


def test_banner_fingerprint_is_that_of_the_served_certificate(server: Server) -> None:
    with TlsWire(server.port) as wire:
        loaded = server.certificate()
        assert loaded is not None
        assert shown.pin(wire.certificate) == loaded.pin
        assert shown.fingerprint(wire.certificate) == loaded.fingerprint


def test_pin_is_the_digest_of_the_key() -> None:
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    certificate = x509.load_pem_x509_certificate(certificates.generate(("a.example",)))
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert shown.pin(der) == "SHA256:" + urlsafe_b64encode(sha256(key).digest()).decode().rstrip("=")
    assert shown.matches(sha256(der).hexdigest().upper(), der)
    assert shown.is_self_signed(der)


def _der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem[pem.index(b"-----BEGIN CERT") :].decode())


def test_hosts_of_a_certificate_are_read() -> None:
    made = certificates.generate(("Chat.Example", "192.0.2.7", "2001:db8::1", "*.tea.example", "chat.example"))
    hosts = shown.names(_der(made))
    assert hosts == ("chat.example", "192.0.2.7", "2001:db8::1", "*.tea.example", "chat.example")
    for host in ("chat.example", "CHAT.example", "192.0.2.7", "green.tea.example"):
        assert shown.is_for(host, hosts)
    for host in ("example", "tea.example", "very.green.tea.example", "192.0.2.8"):
        assert not shown.is_for(host, hosts)


@given(st.data())
def test_arbitrary_bytes_are_parsed_or_refused(data: st.DataObject) -> None:
    der = bytearray(_der(_MADE))
    for at in data.draw(st.lists(st.integers(0, len(der) - 1), max_size=5)):
        der[at] = data.draw(st.integers(0, 255))
    bytes_ = bytes(der[: data.draw(st.integers(0, len(der)))])
    for read in (shown.names, shown.pin):
        with contextlib.suppress(shown.NotACertificateError):
            read(bytes_)


_MADE = certificates.generate(("a.example", "192.0.2.7"))


def test_generated_certificate_is_private_and_kept(tmp_path: Path) -> None:
    pins = []
    for _ in range(2):
        with Server(port=0, tls=TlsConfig(folder=tmp_path)) as server:
            loaded = server.certificate()
            assert loaded is not None
            pins.append(loaded.pin)
    assert pins[0] == pins[1]
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_certificate_is_generated_without_a_folder(tmp_path: Path) -> None:
    with Server(port=0, tls=TlsConfig(names=lambda: ["chat.example"])) as server, TlsWire(server.port) as wire:
        assert wire.login("alice").ping()


@pytest.mark.parametrize("mode", ["auto", "required", "optional", "off"])
@pytest.mark.parametrize("near", [True, False], ids=["this machine", "another"])
def test_tls_mode_decides_on_plain_text(
    mode: Mode, near: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("chatctl.server.net.protocol_sniffer.same_machine", lambda peer, own: near)
    plain = mode in ("off", "optional") or (mode == "auto" and near)
    with Server(port=0, tls=TlsConfig(mode, folder=tmp_path)) as server:
        with Wire(server.port) as wire:
            wire.send("NICK far", "USER u 0 * :r")
            if plain:
                assert wire.until("001")
            else:
                assert "use TLS on this same port" in wire.until_end()[-1].params[0]
        if mode == "off":
            with pytest.raises(ssl.SSLError):
                TlsWire(server.port)
        else:
            with TlsWire(server.port).login("near") as secure:
                assert secure.ping()


@pytest.mark.parametrize("tls", [None, TlsConfig("off"), TlsConfig("auto")], ids=["none", "off", "auto"])
def test_plain_text_from_an_untrusted_loopback_address_is_refused(tls: TlsConfig | None) -> None:
    with Server(port=0, tls=tls, rules=Rules(local=False)) as server, Wire(server.port) as wire:
        wire.send("NICK near", "USER u 0 * :r")
        if tls is not None and tls.mode == "off":
            assert wire.until("001")
        else:
            assert "requires TLS:" in wire.until_end()[-1].params[0]


def test_versions_before_tls_1_2_are_refused(server: Server) -> None:
    assert server.certificate() is not None
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with TlsWire(server.port, context=context) as wire:
        assert isinstance(wire.sock, ssl.SSLSocket)
        assert wire.sock.version() == "TLSv1.2"
    old = trusting()
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        TlsWire(server.port, context=old)


def test_large_output_is_sent_in_pieces(server: Server) -> None:
    with TlsWire(server.port).login("alice", "#lobby") as alice, TlsWire(server.port).login("bob", "#lobby") as bob:
        text = "x" * 400
        for _ in range(5):
            alice.send(*(f"PRIVMSG #lobby :{number} {text}" for number in range(300)))
            for number in range(300):
                assert bob.until("PRIVMSG").params[1] == f"{number} {text}"


def test_handshake_and_lines_may_arrive_byte_by_byte(server: Server) -> None:
    """Through a memory BIO of our own, so that every byte of the handshake is a segment of its own."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting().wrap_bio(incoming, outgoing)
    with Wire(server.port) as wire:
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def push() -> None:
            for byte in outgoing.read():
                wire.sock.sendall(bytes((byte,)))

        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                push()
                incoming.write(wire.sock.recv(65536))
        tls.write(b"NICK slow\r\nUSER u 0 * :r\r\n")
        push()
        said = b""
        while b" 001 slow" not in said:
            incoming.write(wire.sock.recv(65536))
            try:
                said += tls.read(65536)
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("data", [b"\x16" * 200, b"\x16\x03\x01\x00\x05hello" + os.urandom(20_000)])
def test_input_that_only_begins_like_tls_is_closed(server: Server, data: bytes) -> None:
    server.certificate()
    with Wire(server.port) as wire, TlsWire(server.port).login("alice") as alice:
        try:
            wire.send_bytes(data)
            while wire.sock.recv(4096):
                pass
        except ConnectionError:
            pass
        assert alice.ping()


@pytest.mark.e2e
def test_slow_reader_over_tls_is_disconnected_with_the_reason(tmp_path: Path) -> None:
    limits = Limits(outbox_bytes=200_000, linger_seconds=DEADLINE)
    with (
        Server(port=0, limits=limits, tls=TlsConfig(folder=tmp_path)) as server,
        TlsWire(server.port).login("slow", "#lobby") as slow,
        TlsWire(server.port).login("fast", "#lobby", caps="echo-message") as fast,
    ):
        while not any(m.command == "QUIT" and m.nick == "slow" for m in fast.read):
            fast.send(*(f"PRIVMSG #lobby :{'y' * 400}" for _ in range(50)))
            for _ in range(50):
                fast.until(lambda m: m.command in ("PRIVMSG", "QUIT"))
        assert "too slow" in slow.until_end()[-1].params[0]


def test_changed_certificate_serves_new_connections_and_drops_none(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("chat.example")
    with (
        Server(port=0, tls=TlsConfig("auto", certificate, key, watch_seconds=0.02)) as server,
        TlsWire(server.port).login("alice") as alice,
    ):
        before = alice.certificate
        key.chmod(0o644)  # half of a change that will not do: the old one stays
        authority.issue("chat.example")

        def changed() -> bool:
            with TlsWire(server.port) as wire:
                return wire.certificate != before

        eventually(changed, "the new certificate is never served")
        assert alice.ping()


def test_swapped_links_are_reloaded_and_missing_files_are_logged(tmp_path: Path) -> None:
    """As tools that renew certificates do it: the files one names are links into a folder of all there were."""
    authority, log = Authority(tmp_path), ListLog()
    live = tmp_path / "live.crt", tmp_path / "live.key"

    def link(to: str) -> None:
        for path, file in zip(live, authority.issue("chat.example", to=to), strict=True):
            new = path.with_suffix(".link")
            new.symlink_to(file)
            new.replace(path)

    link("first")
    with Server(port=0, log=log, tls=TlsConfig("auto", *live, watch_seconds=0.02)) as server:
        served = {server.certificate().fingerprint}  # type: ignore[union-attr]  # it was loaded at the start

        def another() -> bool:
            with TlsWire(server.port) as wire:
                return shown.fingerprint(wire.certificate) not in served

        link("second")
        eventually(another, "the certificate that the link leads to is never served")
        live[1].unlink()
        eventually(lambda: any("No such file" in str(entry) for entry in log.events), "no session is told")
        with TlsWire(server.port) as wire:
            assert wire.ping()


def test_expiring_certificate_is_logged_until_it_is_renewed(tmp_path: Path) -> None:
    authority, log = Authority(tmp_path), ListLog()
    files = authority.issue("chat.example", days=5.5)

    def told(part: str) -> bool:
        return any(part in str(entry) for entry in log.events)

    data = prepare(tmp_path / "d")
    plan = TlsConfig("auto", *files, watch_seconds=0.02)
    with Server(port=0, log=log, control=data, tls=plan):
        assert told("the certificate ends in 5 days")
        assert "ends in 5 days" in str(ask_server(data, {"command": "status"})["certificate_trouble"])
        log.events.clear()
        authority.issue("chat.example", days=90)
        eventually(lambda: told("the changed certificate is in use"), "the renewed one is not used")
        # The files are written one after the other, so the watcher may have looked at the old certificate in between.
        eventually(lambda: ask_server(data, {"command": "status"})["certificate_trouble"] == "", "it still warns")
        used = max(at for at, entry in enumerate(log.events) if "the changed certificate is in use" in str(entry))
        assert not any("ends" in str(entry) for entry in log.events[used:])
        authority.issue("chat.example", days=-1)
        eventually(lambda: told("the certificate ended on"), "no session is told")


def test_expiry_is_read_and_logged_from_two_weeks_before(tmp_path: Path) -> None:
    loaded = certificates.load(*Authority(tmp_path).issue("chat.example", days=100))
    assert timedelta(days=99) < loaded.ends - datetime.now(UTC) < timedelta(days=101)
    far = certificates.load(*Authority(tmp_path).issue("chat.example", days=365 * 40))  # past 2050: another form
    assert timedelta(days=365 * 39) < far.ends - datetime.now(UTC) < timedelta(days=365 * 41)
    said = [loaded.warning(loaded.ends - timedelta(days=left)).partition(" (")[0] for left in (15, 13.5, 1.5, 0.5)]
    assert said == [
        "",
        "the certificate ends in 13 days",
        "the certificate ends within two days",
        "the certificate ends today or tomorrow",
    ]
    assert "ended on" in loaded.warning(loaded.ends)


def test_key_readable_by_others_is_refused(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("chat.example")
    key.chmod(0o644)
    with pytest.raises(StartError, match="chmod 600"):
        Server(port=0, tls=TlsConfig("auto", certificate, key)).start()


def test_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, _ = authority.issue("chat.example", to="one")
    _, key = authority.issue("chat.example", to="two")
    with pytest.raises(StartError, match="do not work together"):
        Server(port=0, tls=TlsConfig("auto", certificate, key)).start()


def test_link_in_place_of_the_saved_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(certificates.generate(("a.example",)))
    (tmp_path / "tls.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartError, match="not a file"):
        Server(port=0, tls=TlsConfig(folder=tmp_path)).start()


def test_failed_start_leaves_nothing_behind(tmp_path: Path) -> None:
    """No thread that makes a certificate while the program ends, no port that is still taken."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir()

    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate()]

    before = threads()
    with Server(port=steady_port()) as other:
        port = other.port
    for plan in (TlsConfig(folder=tmp_path), TlsConfig("auto", tmp_path / "none.crt", tmp_path / "none.key")):
        control = folder if plan.folder else tmp_path
        with pytest.raises(StartError):
            Server(port=port, tls=plan, control=control).start()
        assert threads() == before
    with Server(port=port):
        pass


def test_sts_is_advertised_for_a_certificate_of_an_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("chatctl.server.net.protocol_sniffer.same_machine", lambda peer, own: False)
    certificate, key = Authority(tmp_path).issue("chat.example")
    for plan in (TlsConfig("auto", certificate, key), TlsConfig("auto")):
        with Server(port=0, tls=plan) as server, Wire(server.port) as plain:
            server.certificate()
            told = plain.send("CAP LS 302", "NICK far", "USER u 0 * :r").until_end()
            upgrades = [message.params for message in told if message.command == "CAP"]
            assert upgrades == ([["*", "LS", f"sts=port={server.port}"]] if plan.certificate else [])


def test_many_simultaneous_handshakes_share_the_loop(server: Server) -> None:
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            with TlsWire(server.port).login(f"user{number}", "#lobby") as wire:
                wire.send("QUIT").until_end()
        except BaseException as error:  # noqa: BLE001  # told to the test
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
