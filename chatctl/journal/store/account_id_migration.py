"""Migration to version 4: history belongs to an account's id, no longer to its name.

Before, a user who registered the name of a removed account inherited its private history, rooms and read markers.
Messages from before an account was created move to a place that no user can have: they stay in the journal, and
`chatctl history` and `export` show them, but no account reads them.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from chatctl.chat.model.records import SEPARATOR
from chatctl.chat.model.user_data import ACCOUNT, account_identity
from chatctl.journal.store.rows import PART_BITS

_FORMER = "former"


def add_account_ids(connection: sqlite3.Connection) -> None:
    """Give every account an id, and what belonged to its name to that id. In the transaction of the migration."""
    accounts = _with_ids(connection)
    _rename_records(connection, accounts)
    _rename_rooms(connection, accounts)
    _rename_places(connection, accounts)


def _with_ids(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """Store the accounts with ids; return them by key."""
    accounts = {}
    for key, value in connection.execute("SELECT key, value FROM records WHERE kind = 'account'").fetchall():
        account: dict[str, Any] = msgspec.json.decode(value)
        # No name holds an @, and no account with the same name was created at the same time.
        account["id"] = f"{key}@{account['created']}"
        account["since"] = _first_seq(connection, account["created"])
        connection.execute(
            "UPDATE records SET value = ? WHERE kind = 'account' AND key = ?",
            (msgspec.json.encode(account).decode(), key),
        )
        accounts[key] = account
    return accounts


def _first_seq(connection: sqlite3.Connection, time: int) -> int:
    """Return the seq of the first fact at `time` (ms) or later; if there is none, the next seq.

    Bisection, since times never decrease with ids: there may be many accounts and many facts.
    """
    # Two queries: SQLite reads the whole table for a minimum and a maximum in one.
    low = connection.execute("SELECT coalesce(min(id), 0) FROM facts").fetchone()[0]
    high = connection.execute("SELECT coalesce(max(id), 0) FROM facts").fetchone()[0] + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute("SELECT time FROM facts WHERE id >= ? ORDER BY id LIMIT 1", (middle,)).fetchone()
        if found is not None and found[0] < time:
            low = middle + 1
        else:
            high = middle
    fact = connection.execute("SELECT id FROM facts WHERE id >= ? ORDER BY id LIMIT 1", (low,)).fetchone()
    if fact is not None:
        # Rounded up: imported facts share a seq with older ones.
        return -(-int(fact[0]) >> PART_BITS)
    last = connection.execute("SELECT coalesce(max(id), 0) FROM facts").fetchone()[0] >> PART_BITS
    stored = connection.execute("SELECT value FROM marks WHERE name = 'seq'").fetchone()[0]
    return int(max(last, stored)) + 1


def _by_id(identity: str, accounts: dict[str, dict[str, Any]]) -> str | None:
    """Return an identity in its new form; None if its account does not exist."""
    if not identity.startswith(ACCOUNT):
        return identity
    account = accounts.get(identity.removeprefix(ACCOUNT))
    return account_identity(account["id"]) if account is not None else None


def _rename_records(connection: sqlite3.Connection, accounts: dict[str, dict[str, Any]]) -> None:
    """Give read markers and metadata to ids; those of accounts that do not exist go."""
    stored = connection.execute("SELECT kind, key, value FROM records WHERE kind IN ('mark', 'metadata')").fetchall()
    for kind, key, value in stored:
        identity, separator, rest = key.partition(SEPARATOR)
        owner = _by_id(identity, accounts)
        if owner == identity:
            continue
        connection.execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, key))
        if owner is not None:
            record = msgspec.json.decode(value)
            record["key"] = f"{owner}{separator}{rest}"
            connection.execute(
                "INSERT INTO records VALUES (?, ?, ?)", (kind, record["key"], msgspec.json.encode(record).decode())
            )


def _rename_rooms(connection: sqlite3.Connection, accounts: dict[str, dict[str, Any]]) -> None:
    """Replace the names of founders and insiders by ids."""
    for key, value in connection.execute("SELECT key, record FROM rooms").fetchall():
        record = msgspec.json.decode(value)
        founder = accounts.get(record.get("founder", ""))
        # A founder whose account does not exist keeps the name, which is not an id: the next start disowns the room.
        record["founder"] = founder["id"] if founder is not None else record.get("founder", "")
        insiders = [_by_id(each, accounts) for each in record.get("insiders", [])]
        record["insiders"] = [each for each in insiders if each is not None]
        connection.execute("UPDATE rooms SET record = ? WHERE key = ?", (msgspec.json.encode(record).decode(), key))


def _rename_places(connection: sqlite3.Connection, accounts: dict[str, dict[str, Any]]) -> None:
    """Move private places to ids, and messages from before an account was created to no account."""
    connection.execute("CREATE TEMP TABLE bounds (place INTEGER PRIMARY KEY, first INTEGER NOT NULL)")
    names = connection.execute(
        "SELECT id, name FROM places WHERE name LIKE ? AND name NOT LIKE '#%'", (f"%{ACCOUNT}%",)
    ).fetchall()
    private = [(place, name, name.split(SEPARATOR)) for place, name in names if SEPARATOR in name]
    for place, _, shared in private:
        owners = [accounts.get(each.removeprefix(ACCOUNT)) for each in shared if each.startswith(ACCOUNT)]
        first = max((owner["since"] for owner in owners if owner is not None), default=0)
        if first and None not in owners:  # else all of it is moved below
            connection.execute("INSERT INTO bounds VALUES (?, ?)", (place, first << PART_BITS))
    _move_older(connection)
    # All at once: pairs have no index by place.
    connection.execute("CREATE TEMP TABLE renamed (place INTEGER PRIMARY KEY)")
    connection.executemany("INSERT INTO renamed VALUES (?)", [(place,) for place, _, _ in private])
    connection.execute("DELETE FROM pairs WHERE place IN (SELECT place FROM renamed)")
    connection.execute("DROP TABLE renamed")
    for place, name, shared in private:
        owned = [_by_id(each, accounts) for each in shared]
        known = [each for each in owned if each is not None]
        if len(known) < len(owned):  # the account does not exist: no user reads it
            connection.execute("UPDATE places SET name = ? WHERE id = ?", (_former(place, name), place))
            continue
        connection.execute("UPDATE places SET name = ? WHERE id = ?", (SEPARATOR.join(sorted(known)), place))
        connection.executemany("INSERT OR IGNORE INTO pairs VALUES (?, ?)", [(each, place) for each in set(known)])
    connection.execute("DROP TABLE bounds")


def _former(place: int, name: str) -> str:
    """Return the name of a place that no user has."""
    return f"{_FORMER} {place}{SEPARATOR}{name}"


def _move_older(connection: sqlite3.Connection) -> None:
    """Move facts that are older than the bound of their place to a new place each."""
    older = connection.execute(
        "SELECT place, name, shown, min(f.id), max(f.id) FROM facts AS f JOIN bounds ON place = f.lane >> 1"
        " JOIN places AS p ON p.id = place WHERE f.id < first GROUP BY place"
    ).fetchall()
    connection.execute("CREATE TEMP TABLE moved (place INTEGER PRIMARY KEY, first INTEGER, new INTEGER)")
    for place, name, shown, begin, end in older:
        new = connection.execute("SELECT max(id) + 1 FROM places").fetchone()[0]
        connection.execute("INSERT INTO places VALUES (?, ?, ?)", (new, _former(new, name), shown))
        connection.execute("INSERT INTO moved SELECT place, first, ? FROM bounds WHERE place = ?", (new, place))
        # The text index has facts by place, so its stale parts are rebuilt ([stale-volume] in text_index.py).
        connection.execute(
            "UPDATE volumes SET stale = 1 WHERE state = 'live' AND first <= ? AND last >= ?", (end, begin)
        )
        connection.execute(
            "UPDATE volumes SET state = 'dead' WHERE state = 'building' AND first <= ? AND last >= ?", (end, begin)
        )
    for table in ("facts", "lanes") if older else ():
        connection.execute(
            f"UPDATE {table} SET lane = (SELECT new * 2 + (lane & 1) FROM moved WHERE place = lane >> 1)"
            " WHERE EXISTS (SELECT 1 FROM moved WHERE place = lane >> 1 AND id < first)"
        )
    connection.execute("DROP TABLE moved")
