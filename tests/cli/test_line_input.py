"""stdin by lines."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import ClassVar, cast

import pytest

from chatctl.cli.plain import line_input as plain
from chatctl.cli.plain.line_input import LineInput
from chatctl.cli.plain.screen import LineScreen
from chatctl.client.errors import FullError
from tests.client.peer import eventually


@pytest.fixture
def pipe() -> Iterator[tuple[int, LineInput]]:
    reading, writing = os.pipe()
    stream = os.fdopen(reading, encoding="utf-8")
    lines = LineInput(stream)
    yield writing, lines
    stream.close()
    lines.release()


def test_line_input_accepts_any_line_ending(pipe: tuple[int, LineInput]) -> None:
    writing, lines = pipe
    os.write(writing, "one\r\n\nzw\u00f6lf\nno end".encode())
    os.close(writing)
    assert list(lines) == ["one", "", "zwölf", "no end"]
    assert lines.replaced == 0


def test_invalid_utf8_is_replaced_and_counted(pipe: tuple[int, LineInput]) -> None:
    writing, lines = pipe
    os.write(writing, b"caf\xe9\nfine\n")
    os.close(writing)
    assert list(lines) == ["caf\ufffd", "fine"]
    assert lines.replaced == 1


def test_endless_line_is_split_between_characters(pipe: tuple[int, LineInput], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_LONGEST", 10)
    monkeypatch.setattr(plain, "_CHUNK", 4)
    writing, lines = pipe
    text = "日本語" * 20
    os.write(writing, text.encode())
    os.close(writing)
    found = list(lines)
    assert "".join(found) == text
    assert len(found) > 5


def test_close_from_another_thread_ends_the_iteration(pipe: tuple[int, LineInput]) -> None:
    writing, lines = pipe
    os.write(writing, b"first\n")
    found = iter(lines)
    assert next(found) == "first"
    threading.Thread(target=lines.close).start()
    assert list(found) == []
    os.close(writing)


def test_missing_stdin_is_the_end_of_input() -> None:
    lines = LineInput(None)
    assert list(lines) == []
    lines.release()


def test_pipe_waits_for_the_last_echo(pipe: tuple[int, LineInput]) -> None:
    class Client:
        done: ClassVar[list[str]] = []

        online = True
        waiting = 0

        def say(self, target: str, text: str, *, timeout: float) -> None:
            self.done.append(f"{target} {text}")

        def flush(self, *, enough: Callable[[], bool]) -> None:
            assert not enough()
            self.done.append("flush")

    screen = cast(LineScreen, SimpleNamespace(client=Client(), ended=False))
    writing, lines = pipe
    os.write(writing, b"a\n/b\n")
    os.close(writing)
    assert plain.send(screen, "#lobby", lines)
    assert Client.done == ["#lobby a", "#lobby /b", "flush"]


@pytest.mark.parametrize("full", [True, False])
def test_pipe_gives_up_on_a_server_that_confirms_nothing(
    pipe: tuple[int, LineInput], monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    monkeypatch.setattr(plain, "PATIENCE_SECONDS", 0.05)

    class Client:
        online = True
        waiting = 1

        def say(self, target: str, text: str, *, timeout: float) -> None:
            if full:
                raise FullError

        def flush(self, *, enough: Callable[[], bool]) -> None:
            eventually(enough)

    screen = cast(LineScreen, SimpleNamespace(client=Client(), ended=False))
    writing, lines = pipe
    os.write(writing, b"a\n")
    os.close(writing)
    assert not plain.send(screen, "#lobby", lines)
