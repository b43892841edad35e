"""`chatctl hash-password`, and the setting it is for."""

from __future__ import annotations

import json
import subprocess
import sys

import pexpect
import pytest

from chatctl.config import load
from chatctl.errors import ConfigError
from chatctl.protocol import scram

pytestmark = pytest.mark.e2e

COMMAND = [sys.executable, "-m", "chatctl", "hash-password"]


def _run(command: list[str], typed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, input=typed, capture_output=True, encoding="utf-8", timeout=30)


def test_hash_password_reads_a_pipe() -> None:
    done = _run(COMMAND, "tea ☕ at five\nnot this\n")
    assert done.returncode == 0, done.stderr
    verifier = scram.parse(done.stdout.removesuffix("\n"))
    assert verifier.iterations >= 600_000
    assert scram.matches("tea ☕ at five", verifier)
    loaded = load(environ={"CHATCTL_OPERATORS": json.dumps({"root": done.stdout.strip()})})
    assert loaded.settings.operators["root"].get_secret_value() == done.stdout.strip()
    assert done.stdout.strip() not in repr(loaded.settings)


def test_hash_password_asks_twice_without_echo() -> None:
    child = pexpect.spawn(COMMAND[0], COMMAND[1:], timeout=30, encoding="utf-8")
    child.expect("Password .not shown.: ")
    child.sendline("tea at five")
    child.expect("Once more: ")
    child.sendline("tea at five")
    child.expect(r"(SCRAM-SHA-256\$\S+)")
    assert child.match is not None
    verifier = scram.parse(child.match[1])
    child.expect(pexpect.EOF)
    assert "tea" not in (child.before or "")
    assert scram.matches("tea at five", verifier)


@pytest.mark.parametrize(
    ("typed", "said"), [("\n", "empty"), ("x" * 301, "300 bytes"), ("", "empty"), ("short\n", "at least 6 characters")]
)
def test_unusable_password_is_refused(typed: str, said: str) -> None:
    done = _run(COMMAND, typed)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_password_is_never_an_argument() -> None:
    done = _run([*COMMAND, "secret"], "")
    assert done.returncode == 2


@pytest.mark.parametrize("text", ["root", "[1]", '{"root": "x"}', '{"a b": "SCRAM-SHA-256$4096:x"}', '{"root": 5}'])
def test_invalid_verifier_in_the_settings_is_reported_without_its_value(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(environ={"CHATCTL_OPERATORS": text})
    assert str(refused.value).startswith("CHATCTL_OPERATORS ")
    assert len(str(refused.value).splitlines()) == 1
