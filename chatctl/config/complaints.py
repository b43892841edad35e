"""Error sentences for wrong settings, for people who do not know pydantic or TOML's grammar."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pydantic import ValidationError

from chatctl.config.settings import KEYS, PREFIX, TABLES, SettingKey, variable
from chatctl.protocol.clean import clean

MAX_SHOWN_CHARACTERS = 60  # characters of an offending value that are worth showing
CONFIG_VARIABLE = "CHATCTL_CONFIG"
KNOWN_VARIABLES = frozenset({CONFIG_VARIABLE, *map(variable, KEYS), *map(variable, TABLES)})
_OTHERWISE = "; `chatctl config init` writes a file with every setting"


def nearest_key(wrong: str) -> str | None:
    """Return the known key or table that `wrong` most likely means; one of the same name in another table comes
    first."""
    table, _, last = wrong.lower().rpartition(".")
    names = {name.rpartition(".")[2]: name for name in reversed([*TABLES, *KEYS])}
    if last in names:
        return names[last]
    if table in TABLES:
        names = {name: f"{table}.{name}" for name in _inside(table)}
    begun = [name for name in names if len(last) > 2 and name.startswith(last)]  # `idle` for idle_seconds
    close = begun or get_close_matches(last, [*names, *names.values()], n=1)
    return names.get(close[0], close[0]) if close else None


def nearest_variable(wrong: str) -> str | None:
    """Return the variable that `wrong` most likely means; the common prefix would make all look alike, so it is left
    out."""
    short = [name.removeprefix(PREFIX) for name in sorted(KNOWN_VARIABLES)]
    close = get_close_matches(wrong.upper().removeprefix(PREFIX), short, n=1)
    return PREFIX + close[0] if close else None


def unknown_key(where: str, name: str) -> str:
    table = name.partition(".")[0]
    if near := nearest_key(name):
        advice = f"; did you mean {near}?"
    else:
        advice = f"; {table} has {', '.join(_inside(table))}" if table in TABLES else _OTHERWISE
    return f'{where}: unknown setting "{name}"{advice}'


def unknown_variable(name: str) -> str:
    near = nearest_variable(name)
    return f"unknown variable {name}" + (f"; did you mean {near}?" if near else _OTHERWISE)


def not_a_table(where: str, table: str) -> str:
    return f"{where} is one value, but {table} is a table with {', '.join(_inside(table))} in it"


def not_json(name: str, table: str) -> str:
    """Return a table's variable that is not a JSON object. Its text is not shown, since it may hold a secret."""
    first = next(found for found in KEYS.values() if found.name.startswith(f"{table}."))
    example = json.dumps({first.name.rpartition(".")[2]: first.default})
    return f"{name} is not a JSON object such as {example}; or set single keys, as in {first.variable}"


def both_passwords(first: str, second: str) -> str:
    return f"{first} and {second} are both set; keep one of them"


def _inside(table: str) -> list[str]:
    return [name.rpartition(".")[2] for name in KEYS if name.startswith(f"{table}.")]


def refused(error: ValidationError, where: Mapping[str, str]) -> list[str]:
    """Return one line per wrong value. `where` names the source of each dotted key's value."""
    lines: dict[str, str] = {}  # one line a key, even where pydantic has several thoughts about it
    for problem in error.errors(include_url=False, include_context=True):
        key = _key_of(problem["loc"])
        own_words = str(problem.get("ctx", {}).get("error", "")) if problem["type"] == "value_error" else ""
        lines.setdefault(key.name, _refusal(key, where.get(key.name, key.name), problem["input"], own_words))
    return list(lines.values())


def _refusal(key: SettingKey, where: str, value: object, own_words: str) -> str:
    clause = own_words or key.says.clause
    if key.secret:
        return f"{where} cannot be used: {clause}"
    if own_words and isinstance(value, dict):
        return f"{where}: {own_words}"
    return f"{where} is {shown(value)}, but {clause}"


def _key_of(loc: Iterable[int | str]) -> SettingKey:
    """pydantic's path to a value may go on past our key, into a union's branch."""
    name = ""
    for part in loc:
        name = f"{name}.{part}" if name else str(part)
        if name in KEYS:
            return KEYS[name]
    raise LookupError(f"no setting at {name}")


def shown(value: object) -> str:
    """Return a value as it was written: texts in quotes, shortened, safe on a terminal."""
    text = "a table" if isinstance(value, dict) else json.dumps(value, ensure_ascii=False, default=str)
    text = clean(text.encode("utf-8", "backslashreplace").decode())  # bytes that are not UTF-8 arrive as surrogates
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"
