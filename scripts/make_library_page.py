"""Write docs/reference/library.md from the public classes: ``python -m scripts.make_library_page``."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import FunctionType

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "library.md"

MODULES = ("chatctl.server", "chatctl.client", "chatctl.settings_client")

_HEAD = """# Library

The classes that `chatctl.server` and `chatctl.client` export. `make docs` generates this page from their docstrings.
[events.md](events.md) lists the events that a client yields, [exit-codes.md](exit-codes.md) the errors. Everything else
in the package is internal and may change without notice. All of it has type annotations (`py.typed`).
"""


def page() -> str:
    """Return the text of the page."""
    parts = [_HEAD]
    for name in MODULES:
        module = importlib.import_module(name)
        parts.append(f"## `{name}`\n")
        parts += [_described(getattr(module, exported)) for exported in module.__all__]
    return "\n".join(parts)


def markdown(docstring: str | None) -> str:
    """Return a Google-style docstring as Markdown: sections become bold words, their entries a list."""
    lines = inspect.cleandoc(docstring or "").replace("``", "`").split("\n")
    lines = [re.sub(r":(?:mod|class|meth|attr|func|data):`[~.]?([^`]+)`", r"`\1`", line) for line in lines]
    found: list[str] = []
    in_section = False
    for line in lines:
        if re.fullmatch(r"(Args|Returns|Yields|Raises|Attributes|Example|Examples):", line):
            found += [f"**{line[:-1]}**", ""]
            in_section = True
        elif in_section and (entry := re.match(r" {4}(\S.*)", line)):
            named = re.match(r"([\w*]+(?: \([^)]*\))?): (.*)", entry[1])
            found.append(f"- `{named[1]}`: {named[2]}" if named else f"- {entry[1]}")
        elif in_section and line.startswith("        "):
            found.append(f"  {line.strip()}")
        else:
            in_section = in_section and not line
            found.append(line)
    return "\n".join(found).strip()


def _described(exported: type | FunctionType) -> str:
    if isinstance(exported, FunctionType):
        return f"### `{_call(exported.__name__, exported)}`\n\n{markdown(exported.__doc__)}\n"
    return _class(exported)


def _class(kind: type) -> str:
    parts = [f"### `{_call(kind.__name__, vars(kind)['__init__'])}`\n", f"{markdown(kind.__doc__)}\n"]
    for name, member in _public(kind):
        if isinstance(member, property):
            parts.append(f"#### `{name}`\n\n{markdown(member.__doc__)}\n")
        elif isinstance(member, FunctionType | classmethod):
            function = member.__func__ if isinstance(member, classmethod) else member
            prefix = f"{kind.__name__}." if isinstance(member, classmethod) else ""
            parts.append(f"#### `{_call(prefix + name, function)}`\n\n{markdown(function.__doc__)}\n")
    return "\n".join(parts)


def _public(kind: type) -> list[tuple[str, object]]:
    """Return the public members of a class and of its base classes in this package, in the order of the source."""
    found: dict[str, object] = {}
    for base in kind.__mro__:
        if base.__module__.startswith("chatctl."):
            for name, member in vars(base).items():
                if not name.startswith("_"):
                    found.setdefault(name, member)
    return list(found.items())


def _call(name: str, function: object) -> str:
    """Return a call as the source declares it, without `self`."""
    assert callable(function)
    signature = inspect.signature(function)
    shown: list[str] = []
    for item in signature.parameters.values():
        if item.kind is item.KEYWORD_ONLY and "*" not in shown and not any(part.startswith("*") for part in shown):
            shown.append("*")
        shown.append(_parameter(item))
    result = signature.return_annotation
    returns = "" if result in (inspect.Signature.empty, None, "None") else f" -> {result}"
    return f"{name}({', '.join(part for part in shown if part)}){returns}"


def _parameter(item: inspect.Parameter) -> str:
    if item.name in ("self", "cls"):
        return ""
    stars = "*" if item.kind is item.VAR_POSITIONAL else "**" if item.kind is item.VAR_KEYWORD else ""
    annotation = "" if item.annotation is item.empty else f": {item.annotation}"
    if item.default is item.empty:
        return f"{stars}{item.name}{annotation}"
    # A function as a default is shown by its name: its address changes from run to run.
    default = getattr(item.default, "__name__", None) or repr(item.default)
    return f"{item.name}{annotation} = {default}"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
