"""`chatctl bench`: how fast is an IRC server?"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import reports, say
from chatctl.errors import RefusedError


@reports
def bench(
    server: Annotated[
        str | None,
        typer.Argument(metavar="[ADDRESS]", help="The server, such as ircs://chat.example:5106 (irc:// without TLS)."),
    ] = None,
    host: options.HostOption = None,
    port: options.PortOption = None,
    clients: Annotated[int, typer.Option(metavar="NUMBER", min=2, help="Connections.")] = 100,
    rooms: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Rooms; each client is in one.")] = 1,
    senders: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="The number of clients that send.")] = 1,
    messages: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Messages of all senders together.")] = 10_000,
    rate: Annotated[
        float,
        typer.Option(metavar="NUMBER", min=0, help="Messages a second of all senders together; 0: no limit."),
    ] = 0.0,
    size: Annotated[int, typer.Option(metavar="NUMBER", min=1, max=400, help="Bytes of a message's text.")] = 64,
    window: Annotated[
        int,
        typer.Option(
            metavar="NUMBER",
            min=1,
            help="Without --rate: messages in flight, that is, not delivered to all recipients yet.",
        ),
    ] = 100,
    tls: options.SecureOption = None,
    fingerprint: options.FingerprintOption = None,
    caps: Annotated[
        str, typer.Option(metavar="WORDS", help='Capabilities to request, as in "server-time message-tags".')
    ] = "",
    caps_clients: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", min=0, help="The number of clients that request them (default: all).", show_default=False
        ),
    ] = None,
    batch: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Connection attempts in progress at once.")] = 100,
    timeout: Annotated[
        float, typer.Option(metavar="NUMBER", min=0.1, help="Seconds of silence that end the run.")
    ] = 30.0,
    pid: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="The server's process, if it runs here: its CPU and memory.", show_default=False
        ),
    ] = None,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE.svg", help="Draw the latencies into this file.", show_default=False)
    ] = None,
    as_json: options.JsonOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Measure an IRC server: throughput and latency.

    All recipients must get all messages in one order, or the run is void. Exit codes: 0 measured, 4 the server cannot
    be reached or was lost, 5 it refused a client, or its certificate is not trusted.
    """
    from chatctl.bench import report
    from chatctl.bench.drive import measure
    from chatctl.bench.plan import Plan
    from chatctl.client.transport.tls_probe import probe_server
    from chatctl.config import load
    from chatctl.destination.credentials import credentials
    from chatctl.destination.server_address import hinting, target

    loaded = load(config_file=config, flags={"host": host, "port": port})
    to = target(loaded.settings, tls, fingerprint, server or "")
    found = credentials(loaded, to)
    plan = Plan(
        to.host,
        to.port,
        clients=clients,
        rooms=rooms,
        senders=senders,
        messages=messages,
        rate=rate,
        size=size,
        window=window,
        caps=tuple(caps.split()),
        caps_clients=caps_clients,
        password=found.password or "",
        batch=batch,
        timeout=timeout,
        pid=pid,
        token=secrets.token_hex(2)[:3],
    )
    with hinting(), _explaining(found.withheld), _Bar() as bar:
        seen = probe_server(to.host, to.port, to.trust, timeout)
        plan = replace(plan, tls=seen.tls, pin=seen.pin)
        result = measure(plan, bar.show)
    if as_json:
        print(json.dumps(report.to_json(plan, result)))
    else:
        for line in report.lines(plan, result):
            print(line)
        for notice in report.notices(plan, result):
            say(notice)
    if plot:  # last: the figures are told even where the file cannot be written
        from chatctl.bench.plot import svg

        Path(plot).write_text(svg(plan, result), encoding="utf-8")


@contextlib.contextmanager
def _explaining(withheld: str) -> Iterator[None]:
    """Say why no password was sent, if the server refuses us."""
    try:
        yield
    except RefusedError:
        if withheld:
            say(withheld)
        raise


class _Bar:
    """Shows progress on stderr, if that is a terminal; removed at the end."""

    WIDTH = 30

    def __init__(self) -> None:
        self._on = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = False

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def show(self, what: str, done: int, of: int) -> None:
        """`done` of `of` so far."""
        if self._on:
            filled = self.WIDTH * done // max(1, of)
            bar = "#" * filled + "." * (self.WIDTH - filled)
            print(f"\r{what:<12} [{bar}] {done:,} of {of:,}\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = True
