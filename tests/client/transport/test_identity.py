"""The installation's secret."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from chatctl.client.transport.identity import identity, installation_secret


def test_secret_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "chatctl"
    first = installation_secret(folder)
    assert len(first) == 64
    assert installation_secret(folder) == first
    assert (folder / "client.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == ["client.json"]


def test_other_content_of_the_file_is_preserved(tmp_path: Path) -> None:
    (tmp_path / "client.json").write_text('{"name": "ann"}')
    secret = installation_secret(tmp_path)
    assert json.loads((tmp_path / "client.json").read_text()) == {"name": "ann", "secret": secret}


@pytest.mark.parametrize("content", ["", "{", "[]", "\xff"])
def test_invalid_file_is_left_unchanged(tmp_path: Path, content: str) -> None:
    file = tmp_path / "client.json"
    file.write_bytes(content.encode("latin-1"))
    assert len(installation_secret(tmp_path)) == 64
    assert file.read_bytes() == content.encode("latin-1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder_is_no_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert installation_secret(tmp_path) != installation_secret(tmp_path)


def test_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert installation_secret(tmp_path / "file" / "chatctl") != installation_secret(tmp_path / "file" / "chatctl")


def test_each_server_gets_its_own_token_and_never_the_secret() -> None:
    here = identity("localhost", 5106, "secret")
    assert here.secret == identity("127.0.0.1", 5106, "secret").secret == identity("::1", 5106, "secret").secret
    assert here.secret != identity("127.0.0.1", 5107, "secret").secret
    assert identity("Chat.Example", 5106, "secret").secret == identity("chat.example", 5106, "secret").secret
    assert "secret" not in here.secret
    assert here.instance != identity("localhost", 5106, "secret").instance
