"""Deeply nested input is bad input: a sentence and the documented exit code, wherever it comes from."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.e2e.processes import ServeProcess, chatctl
from tests.wire import DEADLINE

pytestmark = pytest.mark.e2e

DEEP = "[" * 50_000
CLOSED = "[" * 500 + "]" * 500


@pytest.mark.parametrize("nested", [DEEP, CLOSED])
def test_import_skips_deeply_nested_lines(tmp_path: Path, nested: str) -> None:
    lines = [nested, '{"tags":' + nested + "}", '{"unknown":' + nested + "}"]
    done = chatctl(tmp_path, "import", "-", stdin="\n".join(lines))
    assert done.returncode == 1
    assert "Line 3 is left out" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("nested", [DEEP, CLOSED])
@pytest.mark.parametrize("text", ["motd = {}", "client.servers = {{ x = {} }}", "operators = {}", "limits = {}"])
def test_deeply_nested_config_is_refused_with_a_sentence(tmp_path: Path, text: str, nested: str) -> None:
    file = tmp_path / "chatctl.toml"
    file.write_text(text.format(nested))
    done = chatctl(tmp_path, "config", "show", "--config", str(file))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr


@pytest.mark.parametrize("nested", ['{"a":' + CLOSED + "}", DEEP[:10_000]])
@pytest.mark.parametrize("variable", ["CHATCTL_OPERATORS", "CHATCTL_CLIENT__SERVERS", "CHATCTL_LIMITS"])
def test_deeply_nested_variable_is_refused_with_a_sentence(tmp_path: Path, variable: str, nested: str) -> None:
    done = chatctl(tmp_path, "config", "show", **{variable: nested})
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("nested", [DEEP, CLOSED])
def test_deeply_nested_json_breaks_neither_control_socket_nor_client(tmp_path: Path, nested: str) -> None:
    with ServeProcess(tmp_path) as server:
        path = next(tmp_path.rglob("control.sock"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock, sock.makefile("rb") as lines:
            sock.settimeout(DEADLINE)
            sock.connect(str(path))
            for request in (nested, '{"command":"ban","target":' + nested + "}"):
                sock.sendall(request.encode() + b"\n")
                answer = json.loads(lines.readline())
                assert answer["ok"] is False
                assert answer["error"].startswith("The request is not valid JSON")
        (path.parent / "client.json").write_text(nested)
        done = chatctl(tmp_path, "send", "--port", str(server.port), "--name", "ann", "hi")
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert (path.parent / "client.json").read_text() == nested
