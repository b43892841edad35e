"""The shared options say what the settings say."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from chatctl.cli import options
from chatctl.config import KEYS

OPTIONS: dict[str, Any] = {
    get_args(found)[1].default: get_args(found)[1]  # inside Annotated, typer takes the first name for a default
    for name, found in vars(options).items()
    if name.endswith("Option")
}


@pytest.mark.parametrize("key", [key for key in KEYS.values() if key.flag], ids=lambda key: key.name)
def test_each_settings_flag_is_an_option_that_names_the_default(key: Any) -> None:
    said = re.search(r"default: ([^\s)]+)\)", OPTIONS[key.flag].help)
    default = key.flag.partition("/")[0] if key.default is True else key.default
    assert (said and said[1]) == (None if default is None else str(default))


def test_help_shows_every_option() -> None:
    app = typer.Typer()

    @app.command()
    def command(host: options.HostOption = None, port: options.PortOption = None) -> None:
        assert (host, port) == (None, "x")

    shown = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout.split())
    assert "The server's address (default: 127.0.0.1)." in shown
    assert "ADDRESS" in shown
    assert CliRunner().invoke(app, ["--port", "x"]).exit_code == 0
