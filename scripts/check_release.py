"""Build the sdist and the wheel, and try both in empty environments: ``python -m scripts.check_release``.

The wheel is built from the unpacked sdist, so a file that is missing there is noticed. Each archive is installed into a
virtual environment of its own, outside the checkout, and must print its version, show the help of `serve`, and answer
`check-name` from a server that was started there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from chatctl.version import __version__

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
STOP_SECONDS = 15.0

REQUIRED_IN_SDIST = (
    "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md",
    "chatctl/py.typed", "config.example.toml", "docs/README.md", "scripts/check_release.py", "tests/conftest.py",
)  # fmt: skip


def run(*command: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """Run a command and return its output; a failure ends the script with the command's own words."""
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(scratch: Path) -> tuple[Path, Path]:
    """Build the sdist from the checkout and the wheel from the sdist; return both paths in dist/."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", DIST, cwd=ROOT)
    (sdist,) = DIST.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(scratch, filter="data")
    (unpacked,) = scratch.iterdir()
    missing = [name for name in REQUIRED_IN_SDIST if not (unpacked / name).exists()]
    if missing:
        sys.exit(f"the sdist lacks {', '.join(missing)}")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", DIST, cwd=unpacked)
    (wheel,) = DIST.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive_file:
        if "chatctl/py.typed" not in archive_file.namelist():
            sys.exit("the wheel lacks chatctl/py.typed")
    return sdist, wheel


def install(archive: Path, folder: Path) -> Path:
    """Install an archive into a new virtual environment; return its `chatctl`."""
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "pip", "install", "-q", archive)
    return folder / "bin" / "chatctl"


def check(chatctl: Path, home: Path) -> None:
    """Try an installed `chatctl` with an empty home folder: version, help, and a server that answers a client."""
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    environment = {**kept, "HOME": str(home), "PYTHONUNBUFFERED": "1"}
    shown = run(chatctl, "--version", cwd=home, environment=environment)
    if __version__ not in shown:
        sys.exit(f"{chatctl} --version printed {shown!r}, not {__version__}")
    if "--listener-limit" not in run(
        chatctl, "serve", "--help", cwd=home, environment={**environment, "COLUMNS": "120"}
    ):
        sys.exit(f"{chatctl} serve --help does not name --listener-limit")
    with subprocess.Popen(
        [chatctl, "serve", "--port", "0"], cwd=home, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            environment["CHATCTL_PORT"] = listening_port(server)
            answer = run(chatctl, "check-name", "ann", cwd=home, environment=environment)
            if answer.split() != ["ann", "free"]:
                sys.exit(f"{chatctl} check-name ann printed {answer!r}")
            server.send_signal(signal.SIGTERM)
            if server.wait(STOP_SECONDS) != 0:
                sys.exit(f"{chatctl} serve ended with exit code {server.returncode}")
        finally:
            server.kill()


def listening_port(server: subprocess.Popen[str]) -> str:
    """Read the banner up to the line that names the address; return the port."""
    assert server.stdout is not None
    for line in server.stdout:
        if "Listening:" in line:
            return line.rsplit(":", 1)[1].strip()
    sys.exit("the server ended without a banner")


def main() -> None:
    """Build both archives and try them; print the result of each."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "source").mkdir()
        for archive in build(scratch / "source"):
            folder = scratch / archive.suffix.strip(".")
            check(install(archive, folder), scratch / f"home-{archive.suffix.strip('.')}")
            print(f"{archive.relative_to(ROOT)}: installed, served and answered")


if __name__ == "__main__":
    main()
