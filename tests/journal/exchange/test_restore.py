"""Backups bring everything back, and only what they say (journal/exchange/archive, backup, restoring)."""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import stat
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from chatctl.chat.model.accounts import Account, record_key
from chatctl.chat.model.server_bans import Ban
from chatctl.errors import ChatctlError, ConfigError, StartError
from chatctl.journal import holder, journal_file, lock, prepare
from chatctl.journal.exchange import archive
from chatctl.journal.exchange.archive import Archive, ArchiveError, Manifest
from chatctl.journal.exchange.backup import backup, copy_journal
from chatctl.journal.exchange.offline import StoppedJournal
from chatctl.journal.exchange.restore import SEQ_GAP, Restoration
from chatctl.journal.maintenance.integrity_check import full_check
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from tests.journal.journals import fact
from tests.journal.test_writer import kept

KEY = bytes(range(32))


def account(name: str, verifier: str = "v") -> Account:
    return Account(name, name, verifier, 1, f"{name}@1", 1)


def store(folder: Path, *seqs: int, records: tuple[Account | Ban, ...] = (), boot: str = "boot1") -> None:
    opened = SqliteStore(journal_file(prepare(folder)))
    opened.open()
    changes = {record_key(record): record for record in records}
    opened.commit(StoreBatch([fact(seq, boot=boot) for seq in seqs], records=dict(changes)))
    opened.checkpoint(whole=True)
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = prepare(tmp_path / "data")
    store(folder, *range(1, 101), records=(account("ann"),))
    for name, content in (("tls.pem", b"certificate and key"), ("cloak.key", KEY)):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture
def made(folder: Path, tmp_path: Path) -> Path:
    backup(folder, tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "chatctl.lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def restore(file: Path, folder: Path) -> Restoration:
    with Restoration(file, folder) as restoration:
        restoration.aside = restoration.finish()  # type: ignore[attr-defined]
    return restoration


def last(folder: Path) -> tuple[int, int]:
    opened = SqliteStore(journal_file(folder))
    opened.open()
    try:
        return opened.last()
    finally:
        opened.close()


def test_backup_is_a_tar_with_checksums_and_mode_0600(folder: Path, made: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    with tarfile.open(made, "r:") as found:
        assert found.getnames() == ["manifest.json", "journal.db", "tls.pem", "cloak.key"]
        manifest = msgspec.json.decode(found.extractfile("manifest.json").read(), type=Manifest)  # type: ignore[union-attr]
        for entry in manifest.files:
            content = found.extractfile(entry.name).read()  # type: ignore[union-attr]
            assert (len(content), hashlib.sha256(content).hexdigest()) == (entry.bytes, entry.sha256)
        assert {member.mode for member in found} == {0o600}
    assert (manifest.format, manifest.version, manifest.last_seq) == ("chatctl-backup", 1, 100)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "backup.tar"}


def test_restore_brings_back_everything_and_moves_the_old_folder_aside(folder: Path, made: Path) -> None:
    store(folder, 101, 102, records=(account("bob"), account("ann", "new"), Ban("name eve", "eve", "", 1)))
    (folder / "tls.pem").write_bytes(b"another certificate")
    before = digests(folder)
    restoration = restore(made, folder)
    aside = restoration.aside  # type: ignore[attr-defined]
    assert aside.parent == folder.parent
    assert aside.name.startswith("data.before-restore-")
    assert digests(aside) == before
    assert (folder / "tls.pem").read_bytes() == b"certificate and key"
    assert (folder / "cloak.key").read_bytes() == KEY
    assert kept(journal_file(folder)) == [fact(seq) for seq in range(1, 101)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (restoration.lost.messages, restoration.lost.events) == (2, 0)
    assert restoration.lost.records == (
        "accounts made since, lost now: bob",
        "accounts changed since, as before now: ann",
        "bans made since, lost now: eve",
    )
    with StoppedJournal(prepare(folder)) as stopped:
        assert stopped.records() == [account("ann")]


def test_restored_server_continues_above_every_former_seq_and_time(folder: Path, made: Path) -> None:
    store(folder, 101, 5000)
    latest = fact(5000).time
    restore(made, folder)
    assert last(folder) == (5000 + SEQ_GAP, latest)


def test_lost_messages_can_be_imported_to_their_old_places(folder: Path, made: Path) -> None:
    store(folder, 101, 102)
    aside = restore(made, folder).aside  # type: ignore[attr-defined]
    with StoppedJournal(prepare(folder)) as stopped:
        assert stopped.import_facts(kept(journal_file(aside))).kept == 2
    assert kept(journal_file(folder)) == [fact(seq) for seq in range(1, 103)]


def test_restore_to_a_new_place(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "some" / "where"
    restoration = restore(made, folder)
    assert (restoration.replaces, restoration.aside) == (False, None)  # type: ignore[attr-defined]
    assert (restoration.messages, restoration.events) == (100, 0)
    assert set(digests(folder)) == {"journal.db", "tls.pem", "cloak.key"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert last(folder)[0] == 100 + SEQ_GAP


def test_folder_that_holds_other_files_keeps_them(folder: Path, made: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    before = digests(folder)
    aside = restore(made, folder).aside  # type: ignore[attr-defined]
    assert aside.parent == folder
    assert (folder / "notes.txt").read_text() == "mine"
    assert digests(aside) == {name: digest for name, digest in before.items() if name != "notes.txt"}
    assert stat.S_IMODE(aside.stat().st_mode) == 0o700
    again = restore(made, folder).aside  # type: ignore[attr-defined]
    assert again.parent == folder
    assert again != aside


def test_folder_that_cannot_be_renamed_is_replaced_inside(
    folder: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.ismount", lambda path: path == folder)
    before = digests(folder)
    aside = restore(made, folder).aside  # type: ignore[attr-defined]
    assert (aside.parent, digests(aside)) == (folder, before)


def test_running_server_is_refused(folder: Path, made: Path) -> None:
    before = digests(folder)
    with lock(folder), pytest.raises(StartError, match="stop it first"), Restoration(made, folder):
        pass
    assert digests(folder) == before


def test_lock_is_held_during_a_restore(folder: Path, made: Path) -> None:
    with Restoration(made, folder):
        assert holder(folder) is not None
    assert holder(folder) is None


def test_interrupted_restore_changes_nothing(folder: Path, made: Path, tmp_path: Path) -> None:
    before = digests(folder)
    with Restoration(made, folder):
        pass
    assert digests(folder) == before
    with Restoration(made, tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()
    (folder / ".restoring.killed").mkdir()
    assert restore(made, folder).aside.parent == folder.parent  # type: ignore[attr-defined]


def test_restore_over_a_damaged_folder_says_that_the_loss_is_unknown(folder: Path, made: Path) -> None:
    for content in (b"not a journal", b""):
        journal_file(folder).write_bytes(content)
        restoration = restore(made, folder)
        assert restoration.lost.fault
        assert full_check(journal_file(folder)).faults == []


def test_bare_journal_of_an_older_version_keeps_certificate_and_key(folder: Path, tmp_path: Path) -> None:
    bare = tmp_path / "old-backup.db"
    bare.touch()
    copy_journal(journal_file(folder), bare)
    store(folder, 101)
    restoration = restore(bare, folder)
    assert restoration.kept == ("tls.pem", "cloak.key")
    assert restoration.lost.messages == 1
    assert (folder / "tls.pem").read_bytes() == b"certificate and key"
    assert kept(journal_file(folder)) == [fact(seq) for seq in range(1, 101)]


def test_bare_journal_in_use_is_refused(folder: Path, tmp_path: Path) -> None:
    opened = SqliteStore(journal_file(folder))
    opened.open()
    opened.commit(StoreBatch([fact(101)]))
    with pytest.raises(ArchiveError, match="a journal in use"), Restoration(opened.path, tmp_path / "new"):
        pass
    opened.close()


def test_restore_of_another_chats_backup_says_that_everything_is_lost(folder: Path, made: Path) -> None:
    (folder / "cloak.key").write_bytes(KEY[::-1])
    assert restore(made, folder).lost.messages == 100


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def manifest_of(made: Path) -> Manifest:
    with Archive(made) as opened:
        assert opened.manifest is not None
        return opened.manifest


def packed(manifest: object, *members: bytes) -> bytes:
    return member("manifest.json", msgspec.json.encode(manifest)) + b"".join(members) + bytes(1024)


def with_files(made: Path, **files: int) -> Manifest:
    entries = tuple(archive.FileEntry(name.replace("__", "/"), size, "0" * 64) for name, size in files.items())
    return msgspec.structs.replace(manifest_of(made), files=entries)


def journal_with(statement: str, tmp_path: Path) -> bytes:
    folder = prepare(tmp_path / "hostile")
    store(folder, 1)
    connection = sqlite3.connect(journal_file(folder))
    connection.execute(statement)
    connection.commit()
    connection.close()
    return journal_file(folder).read_bytes()


def whole(made: Path, journal: bytes) -> bytes:
    entry = archive.FileEntry("journal.db", len(journal), hashlib.sha256(journal).hexdigest())
    return packed(msgspec.structs.replace(manifest_of(made), files=(entry,)), member("journal.db", journal))


HOSTILE: dict[str, tuple[Callable[[Path, Path], bytes], str]] = {
    "empty": (lambda made, tmp: b"", "it is empty"),
    "text": (lambda made, tmp: b"Dear diary, " * 100, "not a backup that chatctl wrote"),
    "short": (lambda made, tmp: b"x", "not a backup that chatctl wrote"),
    "zeros": (lambda made, tmp: bytes(10240), "not a backup that chatctl wrote"),
    "gzip": (lambda made, tmp: b"\x1f\x8b" + bytes(600), "compressed"),
    "another tar": (lambda made, tmp: member("etc/passwd", b"x") + bytes(1024), "etc/passwd"),
    "another format": (
        lambda made, tmp: packed({"format": "other", "version": 1}),
        "not a backup that chatctl wrote",
    ),
    "newer": (
        lambda made, tmp: packed({"format": "chatctl-backup", "version": 2, "more": []}),
        "a newer chatctl wrote it",
    ),
    "nested manifest": (
        lambda made, tmp: member("manifest.json", b'{"format":' + b"[" * 60_000) + bytes(1024),
        "manifest is damaged",
    ),
    "manifest is no object": (lambda made, tmp: packed([1]), "manifest is damaged"),
    "manifest is not utf-8": (lambda made, tmp: member("manifest.json", b"\xff{}"), "manifest is damaged"),
    "huge manifest": (lambda made, tmp: member("manifest.json", bytes(100_000)), "manifest is too large"),
    "no files": (lambda made, tmp: packed(with_files(made)), "it has no journal"),
    "traversal in manifest": (
        lambda made, tmp: packed(with_files(made, **{"journal.db": 1, "..__evil": 1}), bytes(10_000)),
        "a file that no backup has: '../evil'",
    ),
    "absolute in manifest": (
        lambda made, tmp: packed(with_files(made, **{"journal.db": 1, "__etc__passwd": 1}), bytes(10_000)),
        "a file that no backup has: '/etc/passwd'",
    ),
    "traversal in member": (
        lambda made, tmp: packed(with_files(made, **{"journal.db": 1}), member("../../journal.db", b"x")),
        "'../../journal.db' in the place of journal.db",
    ),
    "symbolic link": (
        lambda made, tmp: packed(with_files(made, **{"journal.db": 0}), member("journal.db", b"", b"2", "/etc/passwd")),
        "not a plain file",
    ),
    "hard link": (
        lambda made, tmp: packed(with_files(made, **{"journal.db": 0}), member("journal.db", b"", b"1", "/etc/passwd")),
        "not a plain file",
    ),
    "device": (
        lambda made, tmp: packed(with_files(made, **{"journal.db": 0}), member("journal.db", b"", b"3")),
        "not a plain file",
    ),
    "extended header": (
        lambda made, tmp: packed(
            with_files(made, **{"journal.db": 0}), member("journal.db", b"30 path=../evil\n", b"x")
        ),
        "not a plain file",
    ),
    "huge": (lambda made, tmp: packed(with_files(made, **{"journal.db": 1 << 45})), "cut off"),
    "huge certificate": (
        lambda made, tmp: packed(with_files(made, **{"journal.db": 1, "tls.pem": 1 << 30})),
        "tls.pem in it is too large",
    ),
    "negative": (
        lambda made, tmp: packed(
            {
                **msgspec.to_builtins(manifest_of(made)),
                "files": [{"name": "journal.db", "bytes": -1, "sha256": "0" * 64}],
            }
        ),
        "manifest is damaged",
    ),
    "another size": (
        lambda made, tmp: packed(with_files(made, **{"journal.db": 1}), member("journal.db", b"xy")),
        "another size",
    ),
    "another content": (
        lambda made, tmp: packed(with_files(made, **{"journal.db": 1}), member("journal.db", b"x")),
        "SHA-256",
    ),
    "more than it says": (
        lambda made, tmp: made.read_bytes()[:-1024] + member("evil", b"x") + bytes(1024),
        "more than its manifest says",
    ),
    "no journal in the journal": (lambda made, tmp: whole(made, b"x" * 5000), "is not a chatctl journal"),
    "empty journal": (lambda made, tmp: whole(made, b""), "is empty"),
    "journal of a newer version": (
        lambda made, tmp: whole(made, journal_with("PRAGMA user_version = 99", tmp)),
        "newer chatctl",
    ),
    "journal with a trigger": (
        lambda made, tmp: whole(
            made, journal_with("CREATE TRIGGER t AFTER UPDATE ON marks BEGIN DELETE FROM records; END", tmp)
        ),
        "trigger t",
    ),
    "journal with a record that is none": (
        lambda made, tmp: whole(made, journal_with("INSERT INTO records VALUES ('account', 'x', '[]')", tmp)),
        "cannot be read",
    ),
    "journal with numbers out of range": (
        lambda made, tmp: whole(made, journal_with(f"UPDATE marks SET value = {1 << 62} WHERE name = 'seq'", tmp)),
        "out of range",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_or_damaged_archive_is_refused_and_changes_nothing(
    case: str, folder: Path, made: Path, tmp_path: Path
) -> None:
    content, expected = HOSTILE[case]
    bad = tmp_path / "bad.tar"
    bad.write_bytes(content(made, tmp_path))
    before = digests(tmp_path)
    with pytest.raises(ArchiveError) as error, Restoration(bad, folder):
        pass
    assert expected in str(error.value)
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("nothing was changed")
    assert digests(tmp_path) == before


def test_archive_cut_off_anywhere_is_refused(folder: Path, made: Path, tmp_path: Path) -> None:
    data, cut = made.read_bytes(), tmp_path / "cut.tar"
    before = digests(folder)
    for size in (1, 511, 512, 513, 1000, 1024, 2000, 5000, len(data) // 2, len(data) - 40_000, len(data) - 1100):
        cut.write_bytes(data[:size])
        with pytest.raises(ArchiveError, match=r"cut off|not a backup that chatctl wrote"), Restoration(cut, folder):
            pass
    assert digests(folder) == before


def test_every_changed_byte_is_detected(folder: Path, made: Path, tmp_path: Path) -> None:
    data, changed = made.read_bytes(), tmp_path / "changed.tar"
    offsets = [*range(0, 156, 39), *range(512, 900, 61), *range(4096, len(data) - 2048, 9973)]
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        used = [(each.offset_data, each.offset_data + each.size) for each in opened]
    for offset in offsets:
        bad = bytearray(data)
        bad[offset] ^= 0x41
        changed.write_bytes(bad)
        try:
            with Restoration(changed, folder):
                pass
        except ArchiveError:
            continue
        # Bytes without content: padding, or an unused figure in the manifest.
        assert offset < used[0][1] or not any(begin <= offset < end for begin, end in used[1:]), offset


def test_missing_archive_or_a_folder_is_an_error(folder: Path, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(ArchiveError, match=why), Restoration(path, folder):
            pass


def test_too_little_disk_space_is_an_error(folder: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.exchange.restore.free_bytes", lambda folder: 1000)
    before = digests(folder)
    with pytest.raises(ChatctlError, match=r"too little room .* free \d+ MB"), Restoration(made, folder):
        pass
    assert digests(folder) == before


def test_backup_without_a_certificate_lists_its_content(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "data")
    store(folder, 1)
    assert [entry.name for entry in backup(folder, tmp_path / "b").files] == ["journal.db"]
    with pytest.raises(ConfigError, match="exists already"):
        backup(folder, tmp_path / "b")


def test_tar_of_the_system_unpacks_a_backup(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "unpacked"
    target.mkdir()
    if (
        subprocess.run(["tar", "-C", target, "-xf", made], check=False, env={"PATH": os.environ["PATH"]}).returncode
        == 0
    ):
        assert {path.name for path in target.iterdir()} == {"manifest.json", "journal.db", "tls.pem", "cloak.key"}
