"""A bot of the library irc3, configured and not programmed: SASL, joining a room, replies commands."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deadline import DEADLINE
from tests.e2e.processes import ServeProcess, chatctl, environment
from tests.wire import Wire

pytestmark = pytest.mark.e2e

_CONFIG = """\
[bot]
nick = robo
username = robo
host = 127.0.0.1
port = {port}
includes =
    irc3.plugins.command
    irc3.plugins.sasl
sasl_username = robo
sasl_password = a password
autojoins =
    tea
[irc3.plugins.command]
cmd = !
"""


def test_irc3_bot_logs_in_by_sasl_and_answers_a_command(tmp_path: Path) -> None:
    if importlib.util.find_spec("irc3") is None:
        assert "NO_CLIENT_MAY_BE_MISSING" not in os.environ, "CI must have irc3"
        pytest.skip("the library irc3 is not installed (pip install irc3)")
    data = str(tmp_path / "data")
    added = chatctl(tmp_path, "accounts", "add", "robo", stdin="a password\n", CHATCTL_DATA_DIR=data)
    assert added.returncode == 0, added.stderr
    with ServeProcess(tmp_path, CHATCTL_DATA_DIR=data) as server:
        with Wire(server.port).login("ann", "#tea", caps="extended-join") as ann, _bot(tmp_path, server.port):
            joined = ann.until("JOIN")
            assert (joined.nick, joined.params[:2]) == ("robo", ["#tea", "robo"])
            ann.send("PRIVMSG #tea :!ping")
            assert "in private" in ann.until("PRIVMSG").params[1]
            ann.send("PRIVMSG robo :!ping")
            answer = ann.until("NOTICE")
            assert (answer.nick, answer.params) == ("robo", ["ann", "PONG ann!"])
        assert server.stop()[0] == 0


@contextmanager
def _bot(home: Path, port: int) -> Iterator[None]:
    config = home / "bot.ini"
    config.write_text(_CONFIG.format(port=port))
    with (home / "bot.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "irc3", "--raw", str(config)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(home),
            cwd=home,
        )
        try:
            yield
        finally:
            process.kill()
            process.wait(DEADLINE)
