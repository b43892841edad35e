"""The load generator: correct counts, and reports of failures (chatctl/bench)."""

from __future__ import annotations

import json
import math
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from bench.bent import BentServer
from chatctl.bench import report
from chatctl.bench.crowd import LoadClient, LoadClients
from chatctl.bench.drive import measure
from chatctl.bench.latency import Latencies
from chatctl.bench.plan import Plan, Result
from chatctl.bench.plot import svg
from chatctl.bench.streams import DisorderError, RoomStream, StreamReader, one_order
from chatctl.cli.app import app
from chatctl.errors import ChatctlError, ConfigError, RefusedError, UnreachableError
from chatctl.server import Server, TlsConfig
from chatctl.server.limits_config import Limits

pytestmark = pytest.mark.e2e


def run(port: int, **more: object) -> Result:
    settings: dict[str, object] = {"clients": 8, "senders": 2, "messages": 300, "timeout": 5.0, **more}
    return measure(Plan("127.0.0.1", port, **settings), lambda what, done, of: None)  # type: ignore[arg-type]


# With a real server.


@pytest.mark.parametrize(
    ("plan", "deliveries"),
    [
        ({}, 300 * 7),
        ({"clients": 12, "rooms": 3, "senders": 3}, 300 * 3),
        ({"clients": 4, "senders": 4}, 300 * 3),  # every client sends: none receives all
        ({"window": 1}, 300 * 7),
        ({"clients": 2, "senders": 1, "window": 1000}, 300),
        ({"caps": ("server-time", "message-tags", "echo-message"), "caps_clients": 4}, 150 * 8 + 150 * 7),
        ({"rate": 1000.0}, 300 * 7),
        ({"messages": 301, "senders": 3}, 301 * 7),
        ({"size": 1}, 300 * 7),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_every_delivery_is_counted_once(plan: dict[str, object], deliveries: int) -> None:
    with Server(port=0, listener_limit=100) as server:
        result = run(server.port, **plan)
    assert result.deliveries == result.expected == deliveries
    assert result.latencies["count"] == deliveries
    assert (
        0 < result.latencies["p50"] <= result.latencies["p99"] <= result.latencies["p99.9"] <= result.latencies["max"]
    )
    assert sum(count for _, count in result.histogram) == deliveries
    assert result.seconds > 0
    assert result.rate == pytest.approx(deliveries / result.seconds)


def test_server_process_is_measured() -> None:
    with Server(port=0, listener_limit=100) as server:
        result = run(server.port, messages=3000, pid=os.getpid())
    assert result.server is not None
    assert result.server.cpu_seconds > 0
    assert result.server.peak_mib >= result.server.memory_mib > 1
    text = "\n".join(report.lines(Plan("127.0.0.1", server.port), result))
    assert "us a delivery" in text


def test_open_loop_keeps_to_its_rate() -> None:
    with Server(port=0, listener_limit=100) as server:
        result = run(server.port, messages=100, rate=200.0)
    assert 0.45 < result.seconds < 2


def test_refused_client_invalidates_the_run() -> None:
    with Server(port=0, listener_limit=5) as server, pytest.raises(RefusedError, match="5"):
        run(server.port)


# With a server that does wrong.


def deliver_but(number: int, instead: Callable[[BentServer, socket.socket, bytes], list[bytes] | None]) -> BentServer:
    def bend(server: BentServer, hearer: socket.socket, line: bytes) -> list[bytes] | None:
        return instead(server, hearer, line) if server.delivered >= number else [line]

    return BentServer(bend)


def test_fake_server_passes_the_checks() -> None:
    with BentServer() as server:
        assert run(server.port).deliveries == 300 * 7


def test_missing_server_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UnreachableError, match="no server answers") as caught:
        run(port)
    assert caught.value.exit_code == 4


def test_unreachable_address_is_reported() -> None:
    with pytest.raises(UnreachableError, match="no server answers at 255"):
        measure(Plan("255.255.255.255", 6667), lambda what, done, of: None)


def test_host_with_several_addresses_is_tried_at_each(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()
    with BentServer() as server:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", at) for at in (nobody, ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **more: found)
        assert run(server.port).deliveries == 300 * 7


def test_refused_joins_are_reported() -> None:
    with BentServer(shut=True) as server, pytest.raises(UnreachableError, match="0 of 8 are in their rooms"):
        run(server.port, timeout=0.3)


def test_silent_server_is_reported() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=50) as mute,
        pytest.raises(UnreachableError, match=r"0 of 8 are registered"),
    ):
        run(mute.getsockname()[1], timeout=0.3)


def test_full_server_reports_the_number_of_clients() -> None:
    with BentServer(places=5) as server, pytest.raises(RefusedError, match="full") as caught:
        run(server.port)
    assert caught.value.exit_code == 5


def once_for_bx5(change: Callable[[bytes], list[bytes]]) -> BentServer:
    """Does something else, once, with what one client that never speaks is sent."""
    left = iter([True])

    def bend(server: BentServer, hearer: socket.socket, line: bytes) -> list[bytes] | None:
        return change(line) if server.name_of(hearer) == b"bx5" and next(left, False) else [line]

    return deliver_but(50, bend)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: [],
        lambda line: [line, line],
        lambda line: [line.replace(b"xxx", b"yyy")],
        lambda line: [line.upper()],
    ],
    ids=["lost", "doubled", "changed", "another kind"],
)
def test_differing_delivery_is_found(change: Callable[[bytes], list[bytes]]) -> None:
    with once_for_bx5(change) as server, pytest.raises(ChatctlError, match="void"):
        run(server.port, timeout=1.0)


def test_reordered_delivery_is_found() -> None:
    held: list[bytes] = []

    def swap(server: BentServer, hearer: socket.socket, line: bytes) -> list[bytes] | None:
        if server.name_of(hearer) != b"bx5" or len(held) > 1:
            return [line]
        held.append(line)
        return [line, held[0]] if len(held) > 1 else []

    with deliver_but(50, swap) as server, pytest.raises(DisorderError):
        run(server.port, timeout=1.0)


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (b"", 4),
        (b"ERROR :Closing link (excess flood)\r\n", 5),
    ],
    ids=["without a word", "with a reason"],
)
def test_disconnected_client_is_reported_with_its_missing_messages(last: bytes, code: int) -> None:
    def cut(server: BentServer, hearer: socket.socket, line: bytes) -> list[bytes] | None:
        server.hang_up(hearer, last)
        return [b""]

    with (
        deliver_but(200, cut) as server,
        pytest.raises(ChatctlError, match=r"\d+ of 2100 deliveries did not") as caught,
    ):
        run(server.port)
    assert caught.value.exit_code == code
    if last:
        assert "excess flood" in str(caught.value)


def test_last_line_of_the_server_is_read_after_a_failed_send() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"ERROR :excess flood\r\n")
    theirs.close()
    with LoadClients(Plan("127.0.0.1", 1), lambda what, done, of: None) as crowd:
        client = LoadClient(0, "bx0", "#bx0", ours)
        client.state = "quiet"
        crowd.adopt(client)
        crowd.send(client, b"PRIVMSG #bx0 :0 0 x\r\n")
        assert [data for _, data in crowd.events(10.0)] == [b"ERROR :excess flood\r\n"]
        with pytest.raises(UnreachableError, match="bx0 was lost"):
            list(crowd.events(10.0))


def test_kick_is_reported() -> None:
    def kick(server: BentServer, hearer: socket.socket, line: bytes) -> list[bytes] | None:
        name = server.name_of(hearer)
        return [b":op!u@h KICK #bx0 " + name + b" :enough\r\n"]

    with deliver_but(200, kick) as server, pytest.raises(RefusedError, match="enough"):
        run(server.port)


TAGS = b"@time=2026-11-22T15:41:13.123Z "


def test_tagged_lines_are_counted() -> None:
    with BentServer(tags=TAGS) as server:
        assert run(server.port, caps=("server-time",)).deliveries == 300 * 7

    def kick(server: BentServer, hearer: socket.socket, line: bytes) -> list[bytes] | None:
        return [TAGS + b":op!u@h KICK #bx0 " + server.name_of(hearer) + b" :enough\r\n"]

    with deliver_but(200, kick) as server, pytest.raises(RefusedError, match="enough"):
        run(server.port, caps=("server-time",))

    def end(server: BentServer, hearer: socket.socket, line: bytes) -> list[bytes] | None:
        return [TAGS + b"ERROR :you flood\r\n"]

    with deliver_but(200, end) as server, pytest.raises(RefusedError, match="you flood"):
        run(server.port, caps=("server-time",))


def test_refused_messages_are_reported() -> None:
    def refuse(server: BentServer, hearer: socket.socket, line: bytes) -> list[bytes] | None:
        return [b":toy 404 " + server.name_of(hearer) + b" #bx0 :Cannot send\r\n"]

    with deliver_but(200, refuse) as server, pytest.raises(RefusedError, match="Cannot send"):
        run(server.port)


def test_server_that_stops_answering_is_reported() -> None:
    missing = r"nothing for 0\.5 s.*of 2100 deliveries did not arrive"
    with (
        deliver_but(200, lambda server, hearer, line: None) as server,
        pytest.raises(UnreachableError, match=missing),
    ):
        run(server.port, timeout=0.5)


def test_server_that_stops_answering_under_load_is_reported() -> None:
    """However many messages are missing, the run ends within its timeout."""
    begin = time.monotonic()
    with (
        deliver_but(200, lambda server, hearer, line: None) as server,
        pytest.raises(UnreachableError, match=r"nothing for 0\.5 s"),
    ):
        run(server.port, timeout=0.5, messages=20_000, rate=500.0)
    assert time.monotonic() - begin < 20  # all would take 40


def test_slow_server_is_waited_for_while_it_sends() -> None:
    """A share of the window takes it longer than the timeout."""
    with Server(port=0, listener_limit=100, limits=Limits(messages_per_second=40.0)) as server:
        result = run(server.port, senders=1, messages=180, timeout=1.0)
    assert result.deliveries == 180 * 7


def test_client_without_messages_may_receive_other_lines() -> None:
    """The one who speaks, without an echo: of a server that slows them down, too."""
    with Server(port=0, listener_limit=100, limits=Limits(messages_per_second=20.0)) as server:
        result = run(server.port, senders=1, messages=60)
    assert result.deliveries == 60 * 7
    assert "20 messages a second" in result.told


def test_pings_and_notices_are_not_deliveries() -> None:
    def chatter(server: BentServer, hearer: socket.socket, line: bytes) -> list[bytes] | None:
        name = server.name_of(hearer)
        return [
            b"PING :%d\r\n" % server.delivered,
            line,
            b":toy NOTICE " + name + b" :hello\r\n",
            b":a!b@c JOIN #x\r\n",
        ]

    with deliver_but(100, chatter) as server:
        result = run(server.port)
    assert result.deliveries == 300 * 7
    assert report.notices(Plan("h", 1), result) == ["the server told a client: hello"]


# The parts.


def line(sender: int, number: int) -> bytes:
    return b":n!u@h PRIVMSG #r :%d %d xxx\r\n" % (sender, number)


def test_stream_accepts_bytes_cut_anywhere() -> None:
    noise: list[bytes] = []
    whole = b"".join(line(0, number) + b"PING :x\r\n" * (number % 3 == 0) for number in range(20))
    for cut in range(1, 60):
        stream = RoomStream("#r", step=3)
        stream.expected = 20
        ears = [StreamReader(stream), StreamReader(stream), StreamReader(stream)]
        for ear, size in zip(ears, (cut, len(whole), max(1, cut // 2)), strict=True):
            for at in range(0, len(whole), size):
                stream.heard(ear, whole[at : at + size], noise.append)
        assert [ear.count for ear in ears] == [20, 20, 20]
        assert stream.done == 3
        assert stream.confirmed == {0: 20}
    assert set(noise) == {b"PING :x\r"}


def test_orders_are_compared_without_own_messages() -> None:
    def stream(but: int, *senders: int) -> RoomStream:
        made = RoomStream("#r", 1, but)
        made.order.extend(senders)
        return made

    one_order([stream(-1, 0, 1, 0, 2), stream(0, 1, 2), stream(1, 0, 0, 2)])
    one_order([stream(0, 1, 2, 1), stream(1, 0, 2)])
    with pytest.raises(DisorderError):
        one_order([stream(-1, 0, 1, 0, 2), stream(0, 2, 1)])
    with pytest.raises(DisorderError):
        one_order([stream(0, 1, 2), stream(2, 1, 0, 1)])


def test_quantiles_are_exact() -> None:
    found = Latencies(0.0)
    found.add([1.0 - n / 1000 for n in range(1, 1001)], 1.0)
    assert found.quantiles() == pytest.approx(
        {"p50": 500.0, "p99": 990.0, "p99.9": 999.0, "max": 1000.0, "count": 1000}
    )


@pytest.mark.parametrize("plan", [{"rooms": 5}, {"senders": 9}, {"messages": 1}])
def test_impossible_plan_is_refused(plan: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        run(1, **plan)


def test_capabilities_are_spread_evenly_over_senders_and_receivers() -> None:
    plan = Plan("h", 1, clients=500, senders=4, caps=("server-time",), caps_clients=250)
    assert sum(plan.has_caps(client) for client in range(500)) == 250
    assert sum(plan.has_caps(client) for client in range(4)) == 2


def test_busy_generator_is_reported() -> None:
    result = Result(2, 1, 10, 10, 10, 1.0, 0.1, 0.1, 1000, generator_cpu=0.95)
    assert "may be faster" in report.notices(Plan("h", 1), result)[0]
    result.generator_cpu = 0.5
    assert report.notices(Plan("h", 1), result) == []


def test_plot_is_one_file_with_every_figure() -> None:
    with Server(port=0, listener_limit=100) as server:
        result = run(server.port, rate=2000.0)
    picture = svg(Plan("<host>", 1), result)
    root = ElementTree.fromstring(picture)
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any(f"p99 {result.latencies['p99']:.2f} ms" in text for text in texts)
    bars = list(root.iter("{http://www.w3.org/2000/svg}rect"))[1:]
    assert len(bars) == len(result.histogram)
    lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    assert [len(line.attrib["points"].split()) for line in lines] == [len(result.timeline)] * 3
    numbers = [float(number) for element in root.iter() for number in element.attrib.values() if _is_number(number)]
    assert all(0 <= number <= 900 for number in numbers)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def test_command_prints_table_or_json_and_plots(tmp_path: Path) -> None:
    picture = tmp_path / "x.svg"
    with Server(port=0, listener_limit=100) as server:
        flags = ["bench", "--port", str(server.port), "--clients", "5", "--messages", "50"]
        text = CliRunner().invoke(app, [*flags, "--plot", str(picture)])
        figures = CliRunner().invoke(app, [*flags, "--json"])
    assert text.exit_code == figures.exit_code == 0
    assert "200 in" in text.stdout
    assert "in one order, none missing" in text.stdout
    assert json.loads(figures.stdout)["deliveries"] == 200
    assert picture.read_text().startswith("<svg")


def _invoked(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["bench", *words, "--clients", "4", "--messages", "10"])
    return found.exit_code, found.stdout + found.stderr


def test_address_sets_host_and_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with Server(port=0, listener_limit=9, tls=TlsConfig()) as server:
        there = f"127.0.0.1:{server.port}"
        code, said = _invoked(f"ircs://{there}")
        assert (code, "TLS" in said, "30 in" in said) == (0, True, True)
        code, said = _invoked(f"irc://{there}/lobby")
        assert (code, "TLS" in said, "30 in" in said) == (0, False, True)
        assert _invoked("--host", f"ircs://{there}")[0] == 0
    assert _invoked("work")[0] == 2


def test_certificate_is_verified_as_by_the_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Except on this computer, where nobody can listen: a server's password may be sent."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("chatctl.client.transport.tls_probe._is_here", lambda host: False)
    with Server(port=0, listener_limit=9, tls=TlsConfig()) as server:
        address, certificate = f"ircs://127.0.0.1:{server.port}", server.certificate()
        assert certificate is not None
        code, said = _invoked(address)
        assert code == 5
        assert "first visit" in said
        assert certificate.pin in said
        assert _invoked(address, "--fingerprint", certificate.fingerprint)[0] == 0
        assert _invoked(address)[0] == 0
        other = Plan("127.0.0.1", server.port, clients=2, tls=True, pin="SHA256:" + "x" * 43)
        with pytest.raises(RefusedError, match="another certificate"):
            measure(other, lambda what, done, of: None)


def test_unwritable_plot_does_not_lose_the_figures(tmp_path: Path) -> None:
    with Server(port=0, listener_limit=100) as server:
        flags = ["bench", "--port", str(server.port), "--clients", "5", "--messages", "50"]
        result = CliRunner().invoke(app, [*flags, "--plot", str(tmp_path / "none" / "x.svg")])
    assert result.exit_code == 1
    assert "200 in" in result.stdout
    assert "x.svg: No such file" in result.stderr


def test_command_exits_with_4_or_5() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    assert CliRunner().invoke(app, ["bench", "--port", port, "--clients", "5"]).exit_code == 4
    with Server(port=0, listener_limit=3) as server:
        refused = CliRunner().invoke(app, ["bench", "--port", str(server.port), "--clients", "5"])
    assert refused.exit_code == 5
