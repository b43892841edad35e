"""The secret by which a chatctl server knows this installation again.

The rules of this file:

1. An installation has one random secret, made on first use and kept in `client.json` in the platform's data folder for
   chatctl (file 0600, folder 0700). Nobody but the user may read it, and it is never printed or logged.
2. Servers never see it. Each gets a token derived from it and the server's address, so that whoever runs one server
   cannot pass for this user at another. All names of this computer (localhost, 127.0.0.1, ::1) are one address.
3. Not being able to keep it is no failure: then the secret lasts as long as the program.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from chatctl.client.registration import Identity

_LOOPBACK = {"localhost", "127.0.0.1", "::1", "ip6-localhost"}
_KEY = "secret"
_BYTES = 32


def identity(host: str, port: int, secret: str | None) -> Identity:
    """What to show the server at this address. `secret`: None for this installation's own; a text of your own else."""
    import hmac  # here, since both load a crypto library that importing the client need not wait for
    import secrets

    key = installation_secret() if secret is None else secret
    place = "localhost" if host.lower() in _LOOPBACK else host.lower()
    token = hmac.new(key.encode(), f"chatctl/resume {place} {port}".encode(), "sha256").hexdigest()
    return Identity(token, secrets.token_hex(_BYTES))


def installation_secret(folder: Path | None = None) -> str:
    """The secret of rule 1, made where there is none. `folder` stands in for the platform's own."""
    import secrets

    fresh = secrets.token_hex(_BYTES)
    try:
        if folder is None:
            import platformdirs

            folder = Path(platformdirs.user_data_dir("chatctl"))
        return _kept(folder, fresh)
    except OSError:
        return fresh


def _kept(folder: Path, fresh: str) -> str:
    file = folder / "client.json"
    known = _read(file)
    secret = known.get(_KEY) if known else None
    if isinstance(secret, str) and secret:
        return secret
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(file, {**(known or {}), _KEY: fresh}, replace=known is not None)
    again = _read(file)  # another client may have been quicker; what stands in the file counts for both
    found = again.get(_KEY) if again else None
    return found if isinstance(found, str) and found else fresh


def _read(file: Path) -> dict[str, object] | None:
    """What the file holds; None where there is none. One that makes no sense is left alone: raises OSError."""
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise OSError(str(error)) from None
    if not isinstance(found, dict):
        raise OSError("not an object")
    return found


def _write(file: Path, content: dict[str, object], *, replace: bool) -> None:
    """The file whole or not at all. Without `replace` one that is there already stays."""
    descriptor, name = tempfile.mkstemp(prefix=".client.", dir=file.parent)  # mkstemp makes it 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            json.dump(content, stream)
        if replace:
            os.replace(name, file)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(name, file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
