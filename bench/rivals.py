"""Other servers: set up on loopback, without flood limits and with large queues.

Each server gets all settings that keep it from slowing clients down or disconnecting them: no penalties, no fake lag,
no name lookups, no connection limits. Only chatctl stores history.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_NGIRCD = """
[Global]
Name = bench.example
AdminInfo1 = bench
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = hello
PidFile = {folder}/ngircd.pid
ServerUID = nobody
ServerGID = nogroup
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
MaxNickLength = 20
PingTimeout = 3600
PongTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
"""

_INSPIRCD = """
<server name="bench.example" description="bench" network="bench" id="0BE">
<admin name="bench" nick="bench" email="bench@bench.example">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="all" allow="*" timeout="60" pingfreq="1h" hardsendq="256M" softsendq="256M" recvq="1M"
 threshold="1000000" commandrate="1000000000" fakelag="no" localmax="100000" globalmax="100000" useident="no"
 resolvehostnames="no" maxchans="100" limit="100000">
<class name="none" commands="">
<performance netbuffersize="65534" somaxconn="4096" softlimit="100000" quietbursts="yes" nouserdns="yes">
<security maxtargets="20">
<limits maxnick="30" maxchan="64">
<log method="file" type="*" level="default" target="inspircd.log">
<path configdir="{folder}" datadir="{folder}" logdir="{folder}" runtimedir="{folder}">
<pid file="{folder}/inspircd.pid">
<module name="cap">
<module name="ircv3_servertime">
<module name="ircv3_ctctags">
<module name="ircv3_msgid">
<module name="ircv3_echomessage">
"""


@dataclass(slots=True)
class Rival:
    """A server that runs. `batch`: how many connections it is given at once."""

    name: str
    port: int
    pid: int
    batch: int = 200
    extra: dict[str, str] = field(default_factory=dict)


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def installed() -> list[str]:
    """Return the servers that are installed. Install nothing if none is missing."""
    found = ["chatctl"]
    for name in ("inspircd", "ngircd"):
        if not binary(name) and shutil.which("apt-get") and os.geteuid() == 0:
            print(f"installing {name} with apt-get", file=sys.stderr)
            subprocess.run(
                ["apt-get", "install", "-y", "-qq", name],
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )
        if binary(name):
            found.append(name)
        else:
            print(f"{name} is not installed, and is left out", file=sys.stderr)
    return found


def binary(name: str) -> str | None:
    """Return the path of a server's program."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def running(name: str, data: Path, settings: Mapping[str, str] | None = None) -> Iterator[Rival]:
    """Start a server and end it. `data`: where chatctl keeps its history; `settings`: more of its variables."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="rival-") as folder, contextlib.ExitStack() as stack:
        os.chmod(folder, 0o755)
        command, environment = _prepared(name, Path(folder), data, port)
        environment.update(settings or {})
        log = stack.enter_context(Path(folder, "output").open("w"))
        server = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **environment})
        try:
            _until_it_listens(server, port, Path(folder, "output"))
            # ngIRCd's accept queue holds ten; InspIRCd completes registrations once a second.
            yield Rival(name, port, server.pid, batch={"ngircd": 8, "inspircd": 2000}.get(name, 200))
        finally:
            server.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)
            if server.poll() is None:
                server.kill()
                server.wait(10)


def _prepared(name: str, folder: Path, data: Path, port: int) -> tuple[list[str], dict[str, str]]:
    program = binary(name)
    if name == "chatctl":
        environment = {
            "CHATCTL_DATA_DIR": str(data),
            "CHATCTL_LOG__LEVEL": "warning",
            "CHATCTL_LIMITS__UNREGISTERED": "4096",
            "CHATCTL_LIMITS__MESSAGES_PER_SECOND": "0",
        }
        return [sys.executable, "-m", "chatctl", "serve", "--port", str(port), "--listener-limit", "50000"], environment
    assert program is not None
    text = {"ngircd": _NGIRCD, "inspircd": _INSPIRCD}[name].format(port=port, folder=folder)
    config = folder / "server.conf"
    config.write_text(text)
    if name == "ngircd":
        return [program, "--nodaemon", "--config", str(config)], {}
    return [program, f"--config={config}", "--nofork", "--runasroot"], {}


def _until_it_listens(server: subprocess.Popen[bytes], port: int, output: Path) -> None:
    by = time.monotonic() + 20
    while time.monotonic() < by:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise SystemExit(f"{server.args!r} does not listen:\n{output.read_text()[-2000:]}")
