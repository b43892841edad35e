"""chatctl beside InspIRCd and ngIRCd: the same work, in interleaved rounds, by one generator.

Run by hand: ``python -m bench.compare [--rounds 5] [--work NAME ...]``. As root on Debian it installs missing servers.
chatctl stores its durable history (on disk, ``synchronous=FULL``); the others have none. The figures are medians; on a
machine with other load only CPU per delivery is meaningful.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.rivals import Rival, installed, running

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of the table; `best` picks the best of the others to divide ours by."""

    key: str
    title: str
    shown: str
    best: Callable[..., float] = min


RATE = Column("rate", "deliveries/s", "{:,.0f}", max)
PER_CPU = Column("per_cpu", "per CPU second", "{:,.0f}", max)
CPU = Column("cpu_us", "CPU a delivery", "{:.2f} us")
P50 = Column("p50", "p50", "{:.2f} ms")
P99 = Column("p99", "p99", "{:.2f} ms")
JOIN = Column("join", "all in after", "{:.2f} s")
EACH = Column("kib_each", "memory a user", "{:.1f} KiB")
SHARE = Column("cpu_share", "CPU while idle", "{:.2%}")

STEADY = ("--clients", "200", "--senders", "4", "--messages", "2000", "--rate", "200")
ONE_ROOM = ("--clients", "500", "--senders", "4", "--messages", "20000")
TAGS = ("--caps", "server-time message-tags echo-message")


@dataclass(frozen=True, slots=True)
class Work:
    """A workload: flags of ``chatctl bench``. `ram`: chatctl's data folder is on a RAM disk. `plain`: chatctl only,
    beside itself with these flags. `rounds`: the maximum."""

    name: str
    about: str
    flags: tuple[str, ...]
    columns: tuple[Column, ...]
    ram: bool = False
    plain: tuple[str, ...] = ()
    rounds: int = 1000


WORKS = (
    Work("one-room", "one room of 500, 4 senders, closed loop", ONE_ROOM, (RATE, PER_CPU, CPU)),
    Work(
        "half-tags",
        "the same, half of them with tags and echo",
        (*ONE_ROOM, *TAGS, "--caps-clients", "250"),
        (RATE, PER_CPU, CPU),
        plain=ONE_ROOM,
    ),
    Work("tls", "the same, all with TLS", (*ONE_ROOM, "--tls"), (RATE, PER_CPU, CPU), plain=ONE_ROOM),
    Work(
        "50-rooms",
        "50 rooms of 20, 50 senders, closed loop",
        ("--clients", "1000", "--rooms", "50", "--senders", "50", "--messages", "50000"),
        (RATE, PER_CPU, CPU),
    ),
    Work("steady", "200 members, 200 messages/s, RAM disk", STEADY, (P50, P99, CPU), ram=True),
    Work("steady-disk", "200 members, 200 messages/s, disk", STEADY, (P50, P99, CPU)),
    Work("join", "1,000 enter one room at once", ("--clients", "1000", "--messages", "100"), (JOIN,)),
    Work(
        "idle",
        "10,000 idle users in 500 rooms",
        ("--clients", "10000", "--rooms", "500", "--senders", "20", "--messages", "20", "--rate", "1"),
        (EACH, SHARE),
        rounds=1,
    ),
)


def one_round(rival: Rival, work: Work) -> Figures:
    """Run the generator once."""
    command = [sys.executable, "-m", "chatctl", "bench", "--json", "--port", str(rival.port), "--pid", str(rival.pid)]
    ran = subprocess.run(
        [*command, "--batch", str(rival.batch), *work.flags], capture_output=True, text=True, check=False, timeout=300
    )
    if ran.returncode:
        raise SystemExit(f"{rival.name}, {work.name}: exit code {ran.returncode}\n{ran.stderr}")
    found: dict[str, Any] = json.loads(ran.stdout)
    server, latency = found["server"], found["latencies"]
    return {
        "rate": found["rate"],
        "cpu_us": server["cpu_seconds"] / found["deliveries"] * 1e6,
        "per_cpu": found["deliveries"] / max(0.01, server["cpu_seconds"]),
        "p50": latency["p50"],
        "p99": latency["p99"],
        "p99.9": latency["p99.9"],
        "busy": found["generator_cpu"] / found["seconds"],
        "memory": server["memory_mib"],
        "join": found["join_seconds"],
        "kib_each": (found["server_idle"] - server["memory_before_mib"]) * 1024 / found["clients"],
        "cpu_share": server["cpu_seconds"] / found["seconds"],
    }


def rounds(work: Work, names: list[str], count: int) -> dict[str, Figures]:
    """Return medians of `count` interleaved rounds."""
    all_figures: dict[str, list[Figures]] = {}
    with contextlib.ExitStack() as stack:
        data = stack.enter_context(_data_folder(work.ram))
        rivals = [stack.enter_context(running(name, data)) for name in names]
        runs = [(rival.name, rival, work) for rival in rivals]
        if work.plain:
            runs += [("plain", rival, replace(work, flags=work.plain)) for rival in rivals]
        for number in range(count):
            for name, rival, what in runs:
                figures = one_round(rival, what)
                all_figures.setdefault(name, []).append(figures)
                shown = "  ".join(f"{key} {value:,.2f}" for key, value in figures.items())
                print(f"{work.name} {number + 1}/{count} {name:9} {shown}", file=sys.stderr)
    return {
        name: {key: statistics.median(one[key] for one in found) for key in found[0]}
        for name, found in all_figures.items()
    }


@contextlib.contextmanager
def _data_folder(ram: bool) -> Iterator[Path]:
    where = "/dev/shm" if ram and os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="bench-data-", dir=where) as folder:
        yield Path(folder)


def disk_sync(seconds: float = 3.0) -> tuple[float, float]:
    """p50 and p99 (ms) of the disk's own fdatasync after 4 KiB, for as long as that."""
    taken: list[float] = []
    with tempfile.NamedTemporaryFile(prefix="bench-sync-") as file:
        end = time.perf_counter() + seconds
        while (begin := time.perf_counter()) < end:
            os.pwrite(file.fileno(), b"x" * 4096, 4096 * (len(taken) % 256))
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begin)
    taken.sort()
    return 1000 * taken[len(taken) // 2], 1000 * taken[int(len(taken) * 0.99)]


def machine() -> str:
    """Describe the machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    return f"{os.cpu_count()} x {cpu}, Linux {os.uname().release.split('-')[0]}, Python {sys.version.split()[0]}"


def table(work: Work, found: dict[str, Figures]) -> list[str]:
    """Markdown: a row a server, then ours divided by the best of the others."""
    others = [name for name in found if name != "chatctl"]
    lines = [_row(work.about, "", [column.title for column in work.columns])]
    for name, figures in found.items():
        lines.append(_row("", name, [column.shown.format(figures[column.key]) for column in work.columns]))
    if others and "chatctl" in found:
        ours = found["chatctl"]
        best = {column.key: column.best(found[name][column.key] for name in others) for column in work.columns}
        ratios = [f"**{ours[key] / best[key]:.2f}**" if best[key] else "" for key in best]
        lines.append(_row("", "**chatctl / best**", ratios))
    return lines


def _row(about: str, name: str, cells: list[str]) -> str:
    return "| " + " | ".join([about, name, *cells, *[""] * (3 - len(cells))]) + " |"


def main() -> None:
    """Run the requested workloads and print the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs="*", choices=[work.name for work in WORKS])
    parser.add_argument("--only", nargs="*", help="servers")
    options = parser.parse_args()
    names = [name for name in installed() if not options.only or name in options.only]
    print(machine())
    print("\n| work | server | | | |\n|---|---|---|---|---|", flush=True)
    syncs = []
    for work in WORKS:
        if options.work and work.name not in options.work:
            continue
        chosen = [name for name in names if name == "chatctl" or not work.plain]
        found = rounds(work, chosen, min(options.rounds, work.rounds))
        if work.name == "steady-disk":
            syncs = [disk_sync()]
        print("\n".join(table(work, found)), flush=True)
    for p50, p99 in syncs:
        print(f"\nThe disk's own fdatasync of 4 KiB meanwhile: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


if __name__ == "__main__":
    main()
