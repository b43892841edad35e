"""The file that `chatctl backup` writes: a tar with a manifest.

Invariants:

- [plain-members] An archive has ``manifest.json`` first, then the files that it lists, in its order, and nothing else.
  All are plain files with the names in PARTS. So `tar` unpacks it, and nothing in it can name a place outside.
- [verified] Sizes are bounded before anything is read, and each file is compared with its SHA-256. A file that is cut
  off, changed or made to deceive is refused with a sentence (ArchiveError, exit code 2).
- [versioned] A version that this program does not know is refused. A new kind of file is a new line in PARTS and a new
  VERSION.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Annotated, BinaryIO, Self

import msgspec

from chatctl.errors import ConfigError
from chatctl.journal.store.data_folder import CERTIFICATE, CLOAK_BYTES, CLOAK_KEY, JOURNAL, make_file

FORMAT = "chatctl-backup"
VERSION = 1
MANIFEST = "manifest.json"
PARTS: Mapping[str, int] = {JOURNAL: 1 << 50, CERTIFICATE: 1 << 20, CLOAK_KEY: CLOAK_BYTES}
"""The files of a data folder that a backup holds, with their maximum sizes in bytes."""

MAX_MANIFEST_BYTES = 64 * 1024
_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_CHUNK = 1024 * 1024
_SQLITE = b"SQLite format 3\x00"
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


class ArchiveError(ConfigError):
    """A file that cannot be restored (code 2)."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be restored: {why}; nothing was changed")


class FileEntry(msgspec.Struct, frozen=True):
    """A file in the archive."""

    name: str
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True):
    """The manifest of an archive. `created` and `last_time` are ms since 1970 UTC; `last_seq` and `last_time` are those
    of the latest event in it."""

    format: str
    version: int
    created: int
    chatctl: str
    last_seq: int
    last_time: int
    files: tuple[FileEntry, ...]


class _Version(msgspec.Struct):
    format: str
    version: int


def write_archive(file: BinaryIO, manifest: Manifest, contents: Mapping[str, Path | bytes]) -> None:
    """Write an archive with the files of `manifest`. Raises OSError."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    _write_member(file, MANIFEST, len(text), manifest.created, text)
    for entry in manifest.files:
        _write_member(file, entry.name, entry.bytes, manifest.created, contents[entry.name])
    file.write(_ZEROS * 2)


def _write_member(file: BinaryIO, name: str, size: int, created: int, content: Path | bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, created // 1000
    file.write(info.tobuf(tarfile.GNU_FORMAT))
    if isinstance(content, bytes):
        file.write(content)
    else:
        with content.open("rb") as source:
            while chunk := source.read(_CHUNK):
                file.write(chunk)
    file.write(bytes(-size % _BLOCK))


def described(name: str, content: Path | bytes) -> FileEntry:
    """Return a file's line in the manifest. Raises OSError."""
    if isinstance(content, bytes):
        return FileEntry(name, len(content), hashlib.sha256(content).hexdigest())
    with content.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
        return FileEntry(name, os.fstat(source.fileno()).st_size, digest)


class Archive:
    """An archive that is open for reading, as a context manager.

    A bare copy of a journal, as older versions' `backup` wrote it, has no manifest: `manifest` is None.

    Raises:
        ArchiveError: It is neither, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise ArchiveError(path, (error.strerror or type(error).__name__).lower()) from None
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self.manifest = self._begin()
        except OSError as error:
            self._file.close()
            raise ArchiveError(path, (error.strerror or type(error).__name__).lower()) from None
        except BaseException:
            self._file.close()
            raise

    @property
    def bytes_needed(self) -> int:
        """How much space its files take."""
        return sum(entry.bytes for entry in self.manifest.files) if self.manifest is not None else self._size

    def extract(self, folder: Path) -> None:
        """Write all files into `folder`, for their owner alone, and verify them. ArchiveError, OSError."""
        if self.manifest is None:
            self._file.seek(0)
            self._copy(folder / JOURNAL, self._size)
            return
        for entry in self.manifest.files:
            if self._next_size(entry.name) != entry.bytes:
                raise self._wrong(f"{entry.name} has another size than the manifest says")
            if self._copy(folder / entry.name, entry.bytes) != entry.sha256:
                raise self._wrong(f"{entry.name} is damaged (its SHA-256 is not the one in the manifest)")
            self._skip_padding(entry.bytes)
        if self._block() != _ZEROS:
            raise self._wrong("it holds more than its manifest says")

    def _begin(self) -> Manifest | None:
        start = self._file.read(len(_SQLITE))
        if start == _SQLITE:
            self._refuse_used_journal()
            return None
        if not start:
            raise self._wrong("it is empty")
        if start.startswith(_COMPRESSED):
            raise self._wrong("it is compressed; unpack it first, for example with gunzip")
        self._file.seek(0)
        size = self._next_size(MANIFEST)
        if size > MAX_MANIFEST_BYTES:
            raise self._wrong("its manifest is too large")
        text = self._read(size)
        self._skip_padding(size)
        return self._checked(text)

    def _refuse_used_journal(self) -> None:
        wal = self.path.with_name(f"{self.path.name}-wal")
        if wal.exists() and wal.stat().st_size > 0:
            raise self._wrong(
                f"it is a journal in use, and its latest messages are in {wal.name}: name its folder as --data-dir of "
                "chatctl backup, and restore what that writes"
            )

    def _checked(self, text: bytes) -> Manifest:
        try:
            found = msgspec.json.decode(text, type=_Version)
            if found.format != FORMAT:
                raise self._wrong("it is not a backup that chatctl wrote")
            if found.version > VERSION:
                raise self._wrong(
                    f"a newer chatctl wrote it (format {found.version}, this one knows {VERSION}); install that one"
                )
            manifest = msgspec.json.decode(text, type=Manifest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise self._wrong("its manifest is damaged") from None
        names = [entry.name for entry in manifest.files]
        if JOURNAL not in names:
            raise self._wrong("it has no journal")
        if len(set(names)) < len(names):
            raise self._wrong("its manifest names a file twice")
        for entry in manifest.files:
            if entry.name not in PARTS:
                raise self._wrong(f"its manifest names a file that no backup has: {entry.name[:100]!r}")
            if entry.bytes > PARTS[entry.name]:
                raise self._wrong(f"{entry.name} in it is too large ({entry.bytes} bytes)")
        if sum(entry.bytes for entry in manifest.files) > self._size:
            raise self._wrong("it is cut off")
        return manifest

    def _next_size(self, name: str) -> int:
        """Read the header of the next member, which must be the plain file `name`; return its size."""
        block = self._block()
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            what = "it is not a backup that chatctl wrote" if name == MANIFEST else f"it is damaged before {name}"
            raise self._wrong(what) from None
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise self._wrong(f"it holds {info.name[:100]!r}, which is not a plain file")
        if info.name != name:
            raise self._wrong(f"it holds {info.name[:100]!r} in the place of {name}")
        return info.size

    def _block(self) -> bytes:
        return self._read(_BLOCK)

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise self._wrong("it is cut off" if self._size >= _BLOCK else "it is not a backup that chatctl wrote")
        return data

    def _skip_padding(self, size: int) -> None:
        self._read(-size % _BLOCK)

    def _copy(self, target: Path, size: int) -> str:
        """Copy the next `size` bytes to a new file; return their SHA-256."""
        digest = hashlib.sha256()
        make_file(target)
        with target.open("r+b") as file:
            left = size
            while left:
                chunk = self._read(min(left, _CHUNK))
                digest.update(chunk)
                file.write(chunk)
                left -= len(chunk)
            file.flush()
            os.fsync(file.fileno())
        return digest.hexdigest()

    def _wrong(self, why: str) -> ArchiveError:
        return ArchiveError(self.path, why)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
