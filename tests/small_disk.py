"""Small file systems, for tests of full disks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[Path]:
    """Mount an empty file system of `kib` KiB at `folder`, which is made; skip the test if that is not permitted."""
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder.mkdir()
    made = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={kib}k,mode=700", "none", folder], check=False)
    if made.returncode:
        pytest.skip("mounting a file system is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
