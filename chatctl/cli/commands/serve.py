"""`chatctl serve`: start a chat server, say how to reach it, stop it on a signal."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING

from chatctl.cli import options
from chatctl.cli.failures import reports

if TYPE_CHECKING:
    from chatctl.config import LoadedSettings
    from chatctl.server import Server
    from chatctl.wiring import BuiltServer

_STOP_SECONDS = 2.0
_WATCHDOG_SECONDS = 20.0
"""When a stop that hangs is ended by force: well above the sum of what its steps may take."""
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AT_ONCE = 130
_HANGS = 1
_SIGNAL_CHECK_SECONDS = 1.0
_SAME_WISH = 0.3
"""Seconds within which a second signal is the first one again: `timeout` and a terminal that closes send two."""
_COLLECT = (20_000, 20, 50)
"""Python's own are (700, 10, 10)."""
_SWITCH_SECONDS = 0.0005
"""How long the busy loop may keep the interpreter's lock from the journal; Python's own 5 ms would be most of a
commit."""


@reports
def serve(
    host: options.HostOption = None,
    port: options.PortOption = None,
    listener_limit: options.ListenerLimitOption = None,
    server_name: options.ServerNameOption = None,
    tls: options.TlsOption = None,
    log_level: options.LogLevelOption = None,
    data_dir: options.DataDirOption = None,
    history: options.HistoryOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Start a chat server. Ctrl-C stops it."""
    # Before anything slow is loaded: a signal that comes early must stop it as cleanly as one that comes late.
    stop = _stop_on_signal()
    hung_up = _reread_on_hangup()
    os.umask(0o077)  # whatever is written from here on is for its owner alone

    from chatctl.config import load
    from chatctl.wiring import build_log, build_server

    flags = {
        "host": host,
        "port": port,
        "listener_limit": listener_limit,
        "name": server_name,
        "tls": {"mode": tls},
        "log": {"level": log_level},
        "data_dir": data_dir,
        "history": {"enabled": history},
    }
    loaded = load(config_file=config, flags=flags, use_files=True)
    _allow_descriptors()
    sys.setswitchinterval(_SWITCH_SECONDS)
    log = build_log(loaded)
    built = build_server(loaded, log)
    server = built.server
    server.on_end(lambda: stop.put(None))
    with _signals_for_this_thread():
        server.start()
        built.publish_address()
        print(_banner(built, loaded), flush=True)
        log.start()
    _collect_seldom()
    hung_up(server)
    try:
        _wait(stop)
        server.wait(0)  # raises what ended it, if no signal did
    finally:
        _end_a_stop_that_hangs()
        _tell_terminal("\nStopping; all users are notified.\n")
        built.stop("The server is stopping", _STOP_SECONDS)
        log.stop(0.5)
        for number in _STOPPING:  # While the interpreter ends, one more signal must not turn a clean end into a kill.
            signal.signal(number, signal.SIG_IGN)


def _stop_on_signal() -> SimpleQueue[None]:
    """Return a queue that SIGINT and SIGTERM put an item on; a second signal, a little later, ends the process at once.

    On a terminal SIGHUP means that its window was closed, and stops the server too. It is sent several times then, by
    the system and by the shell, so that it never counts as a second signal.

    A signal may come in the middle of the handler of another one: putting on a SimpleQueue needs no lock that the
    interrupted handler might hold, as an Event does.
    """
    stop: SimpleQueue[None] = SimpleQueue()
    asked = 0.0

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        now = time.monotonic()
        if not asked:
            asked = now
            stop.put(None)
        elif now - asked > _SAME_WISH and number != signal.SIGHUP:
            os._exit(_AT_ONCE)

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    if _on_terminal() and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, on_signal)
    return stop


def _wait(stop: SimpleQueue[None]) -> None:
    """Wait for something on the queue.

    Python runs signal handlers in this thread, and only while it executes bytecode. A signal in the instant before the
    thread blocks would otherwise be handled at the next signal, so the wait is interrupted once a second.
    """
    while True:
        with contextlib.suppress(Empty):
            return stop.get(timeout=_SIGNAL_CHECK_SECONDS)


def _reread_on_hangup() -> Callable[[Server], None]:
    """Read the settings again at SIGHUP without a terminal, as other servers do; the log reports the result.

    It is left alone if it was ignored on purpose (nohup), or has a handler: on a terminal it stops the server. Returns
    the function to call with the server once it runs. An earlier signal is obeyed then.
    """
    running: list[Server] = []
    early: list[int] = []

    def on_hangup(number: int, frame: FrameType | None) -> None:
        if running:
            running[0].reread()
        else:
            early.append(number)

    def started(server: Server) -> None:
        running.append(server)
        if early:
            server.reread()

    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, on_hangup)
    return started


def _on_terminal() -> bool:
    """Return whether the process uses a terminal, for input or output."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def _tell_terminal(text: str) -> None:
    """Write to stdout if it is a terminal that takes it now: one that is closed or stopped must not hang the stop."""
    if sys.stdout is None:
        return
    with contextlib.suppress(OSError, ValueError):
        if sys.stdout.isatty() and select.select([], [sys.stdout], [], 0)[1]:
            os.write(sys.stdout.fileno(), text.encode())


def _end_a_stop_that_hangs() -> None:
    """End the process after a while, whatever hangs: a disk that does not answer, a terminal that takes nothing."""

    def end() -> None:
        time.sleep(_WATCHDOG_SECONDS)
        os._exit(_HANGS)

    threading.Thread(target=end, name="watchdog", daemon=True).start()
    signal.alarm(int(2 * _WATCHDOG_SECONDS))  # no thread runs while the interpreter ends


@contextlib.contextmanager
def _signals_for_this_thread() -> Iterator[None]:
    """Threads started inside never take a signal: one that they took would not wake the main thread from its wait, and
    Python's handlers run there alone. (The kernel gives a signal to any thread where the main one is busy with another,
    or stopped by a tracer.) What comes meanwhile is taken at the end."""
    signals = set(_STOPPING)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


def _collect_seldom() -> None:
    """Freeze the objects that exist by now, so that they are not scanned again. Reference counting leaves little
    garbage here, so fewer collections cost little memory and save pauses."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


def _allow_descriptors() -> None:
    """Raise the limit of descriptors, which many systems set to 1024: each connection needs one."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems refuse what they call unlimited
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _banner(built: BuiltServer, loaded: LoadedSettings) -> str:
    from chatctl.cli.banner import banner

    settings = loaded.settings
    server = built.server
    certificate = server.certificate()
    return banner(
        server.addresses,
        listener_limit=settings.listener_limit,
        advertise=settings.advertise or "",
        tls_mode="required" if settings.tls.mode == "auto" and not settings.local else settings.tls.mode,
        pin=certificate.pin if certificate else "",
        fingerprint=certificate.fingerprint if certificate else "",
        hosts=certificate.names if certificate else (),
        needs_password=bool(server.rules.password),
        history=str(built.folder or ""),
        config_file=str(loaded.file or ""),
        notices=loaded.notices,
    )
