"""Resource usage of a process on this machine (Linux: /proc)."""

from __future__ import annotations

import os
import re
from pathlib import Path

from chatctl.errors import ConfigError

_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A process by its id. Raises ConfigError if it does not exist, or if the system does not tell."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        if not Path("/proc/self/stat").exists():
            raise ConfigError("--pid needs Linux: this system does not say what a process uses")
        if not (self._folder / "stat").exists():
            raise ConfigError(f"--pid {pid}: there is no such process")

    def cpu_seconds(self) -> float:
        """CPU time so far, of all threads, user and system; in steps of the system's tick (10 ms)."""
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mib(self) -> float:
        """Resident memory."""
        return self._memory("VmRSS")

    def peak_mib(self) -> float:
        """Return the peak resident memory."""
        return self._memory("VmHWM")

    def _memory(self, key: str) -> float:
        found = re.search(rf"{key}:\s+(\d+) kB", self._read("status"))
        return int(found[1]) / 1024 if found else 0.0

    def _read(self, name: str) -> str:
        try:
            return (self._folder / name).read_text()
        except OSError:
            return ""
