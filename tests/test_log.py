"""The log: the format of lines, dropped records, and that no error of a stream reaches the caller."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from chatctl.chat import ports
from chatctl.log import MAX_QUEUED_RECORDS, Format, LogWriter
from tests import deadline

WHEN = 1795362073.1239  # 2026-11-22 15:41:13 UTC
DEADLINE = deadline.DEADLINE


class Gate(io.StringIO):
    """A stream whose writes wait until it is opened; `entered` is set once one waits."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.opened = threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        assert self.opened.wait(DEADLINE)
        return super().write(text)


@pytest.fixture
def _utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def logged(event: str = "listening", *, format: Format = "text", **fields: object) -> str:
    """Return the line of one `info` record."""
    stream = io.StringIO()
    log = LogWriter(stream, format=format, now=lambda: WHEN)
    log.start()
    log.info(event, **fields)
    assert log.stop(DEADLINE)
    return stream.getvalue()


@pytest.mark.usefixtures("_utc")
def test_record_as_text() -> None:
    line = logged(address="127.0.0.1:5106", users=3)
    assert line == "2026-11-22 15:41:13 info    listening  address=127.0.0.1:5106 users=3\n"
    assert logged("stopped") == "2026-11-22 15:41:13 info    stopped\n"


def test_text_quotes_values_with_an_invisible_end() -> None:
    line = logged(reason="no space", empty="", tricky="a=b", quote='say "hi"', none=None)
    assert line.endswith('reason="no space" empty="" tricky="a=b" quote="say \\"hi\\"" none=None\n')


def test_record_as_json() -> None:
    line = logged(format="json", address="::1", port=5106, user=None, name="Zoë")
    assert line.endswith("\n")
    assert json.loads(line) == {
        "time": "2026-11-22T15:41:13.123Z",
        "level": "info",
        "event": "listening",
        "address": "::1",
        "port": 5106,
        "user": None,
        "name": "Zoë",
    }


def test_json_fields_of_the_record_win() -> None:
    record = json.loads(logged(format="json", time="late", level="high"))
    assert record["time"] == "2026-11-22T15:41:13.123Z"
    assert (record["level"], record["time_"], record["level_"]) == ("info", "late", "high")


@pytest.mark.parametrize("format", ["text", "json"])
def test_control_characters_are_escaped(format: Format) -> None:
    line = logged("odd\x1b[2J", format=format, name="a\x1b[31m\r\nb\x00\x9b\u202e", error=ValueError("x\ny"))
    assert line.count("\n") == 1
    text = line.removesuffix("\n")
    values = json.loads(text).values() if format == "json" else [text]
    assert not [value for value in values if any(mark in str(value) for mark in "\x1b\r\n\x00\x9b\u202e")]


def test_lone_surrogates_are_escaped() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as reader, open(writing, "w", encoding="utf-8") as stream:
        log = LogWriter(stream, format="json")
        log.start()
        log.info("odd", name="\udc80")
        assert log.stop(DEADLINE)
        assert json.loads(reader.readline())["event"] == "odd"


def test_record_below_the_level_is_not_formatted() -> None:
    class Untouchable:
        def __str__(self) -> str:
            raise AssertionError

    stream = io.StringIO()
    log = LogWriter(stream, level="warning", now=lambda: WHEN)
    log.start()
    log.debug("one", value=Untouchable())
    log.info("two", value=Untouchable())
    log.warning("three")
    log.error("four")
    assert log.stop(DEADLINE)
    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == ["three", "four"]


def test_values_are_formatted_on_the_callers_thread() -> None:
    """The log thread must not touch what the loop goes on changing."""
    users = ["ann"]
    stream = Gate()
    log = LogWriter(stream)
    log.start()
    log.info("now", users=users)
    users.append("bob")
    stream.opened.set()
    assert log.stop(DEADLINE)
    assert "bob" not in stream.getvalue()


def test_stalled_stream_drops_records_and_never_blocks() -> None:
    stream = Gate()
    log = LogWriter(stream, format="json", capacity=10)
    log.start()
    log.info("first")
    assert stream.entered.wait(DEADLINE)
    for number in range(25):
        log.info("more", number=number)
    stream.opened.set()
    assert log.stop(DEADLINE)
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [record["number"] for record in records if record["event"] == "more"] == list(range(10))
    [dropped] = [record for record in records if record["event"] == "log records dropped"]
    assert (dropped["level"], dropped["count"]) == ("warning", 15)


def test_stop_ends_at_its_deadline() -> None:
    stream = Gate()
    log = LogWriter(stream)
    log.start()
    log.info("first")
    assert stream.entered.wait(DEADLINE)
    assert not log.stop(0.01)
    stream.opened.set()
    assert log.stop(DEADLINE)
    log.info("after the end")
    assert "after" not in stream.getvalue()


def test_closed_stream_is_given_up() -> None:
    stream = io.StringIO()
    stream.close()
    log = LogWriter(stream)
    log.start()
    log.info("into the void")
    assert not log.stop(DEADLINE)


def test_missing_stream_is_ignored() -> None:
    log = LogWriter(None)
    log.start()
    log.info("into the void")
    assert not log.stop(DEADLINE)


def test_log_writer_fits_the_log_port() -> None:
    log: ports.LogPort = LogWriter(None)
    log.error("it was not started")


def test_log_that_never_started_can_stop() -> None:
    assert LogWriter(io.StringIO()).stop()


def test_records_from_before_the_start_are_written() -> None:
    stream = io.StringIO()
    log = LogWriter(stream)
    log.info("early")
    log.start()
    assert log.stop(DEADLINE)
    assert "early" in stream.getvalue()


def test_many_threads_can_log() -> None:
    stream = io.StringIO()
    log = LogWriter(stream, format="json", capacity=10_000)
    log.start()

    def talk(thread: int) -> None:
        for number in range(500):
            log.info("said", thread=thread, number=number)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert log.stop(DEADLINE)
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    for thread_number in range(8):
        numbers = [record["number"] for record in records if record["thread"] == thread_number]
        assert numbers == list(range(500))


FLOOD = f"""
import sys
from chatctl.chat import ports
from chatctl.log import LogWriter
log = LogWriter(sys.stderr)
log.start()
for number in range({MAX_QUEUED_RECORDS} * 2):
    log.info("flood", filler="x" * 100, number=number)
print(log.stop(0.1), flush=True)
"""


@pytest.mark.e2e
def test_process_with_an_unread_stderr_ends() -> None:
    """A pipe holds 64 KiB; the write that fills it never returns."""
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, stderr=writing, timeout=DEADLINE, check=False
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert (done.returncode, done.stdout) == (0, b"False\n")


@pytest.mark.e2e
def test_process_with_a_closed_stderr_ends() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, stderr=writing, timeout=DEADLINE, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stdout) == (0, b"False\n")


@pytest.mark.e2e
def test_nonblocking_stderr_gets_everything() -> None:
    """The parent process may share a non-blocking descriptor; a full pipe is no reason to give up."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    code = FLOOD.replace("LogWriter(sys.stderr)", "LogWriter(sys.stderr, capacity=10**6)").replace("0.1", "10")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=writing) as process:
        os.close(writing)
        with open(reading, "rb") as reader:
            lines = reader.read().splitlines()
        assert process.stdout is not None
        assert process.stdout.read() == b"True\n"
    assert process.returncode == 0
    assert len(lines) == MAX_QUEUED_RECORDS * 2
