"""Write docs/reference/exit-codes.md from the error tree: ``python -m scripts.make_exit_codes_page``."""

from __future__ import annotations

import re
from pathlib import Path

from chatctl import errors
from chatctl.errors import ChatctlError

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "exit-codes.md"

_HEAD = """# Exit codes

The same for every command. This page is generated from `chatctl/errors.py` by `make docs`. Every error is one sentence
on stderr: the problem, then the remedy.

| code | meaning |
|---|---|
"""

_ERRORS = """
The codes of the errors that a library user may catch (`from chatctl.errors import ...`):

| error | code | meaning |
|---|---|---|
"""

_TAIL = """
Single commands make use of these codes as follows:

| command | codes |
|---|---|
| `chatctl check-name` | 0 if all names are free, 1 if one is taken, 3 if one is invalid |
| `chatctl serve` | 0 after SIGTERM, SIGHUP from a closed terminal, or Ctrl-C; 2 if the port is in use |
| `chatctl join` | 0 after leaving; 1 if messages could not be sent; 5 if the server or its certificate is refused |
| `chatctl send` | 0 if every line has arrived; 1 if one was refused |
| `chatctl search` | 1 if nothing is found |
| `chatctl status` | 4 if no server runs |
| `chatctl check` | 2 if something is damaged |
| `prune`, `accounts remove`, `restore`, `ban` | 1 if the answer is no; 2 without a terminal and without `--yes` |
"""


def page() -> str:
    """Return the text of the page."""
    rows = re.findall(r"^(\d+) {2,}(.+)$", errors.__doc__ or "", re.MULTILINE)
    assert rows, "chatctl/errors.py has no table of exit codes"
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in rows)
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ChatctlError)]
    named = "".join(f"| `{kind.__name__}` | {kind.exit_code} | {_summary(kind)} |\n" for kind in classes)
    return _HEAD + codes + _ERRORS + named + _TAIL


def _summary(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
