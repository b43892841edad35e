"""The documents are true: generated pages match the code, links and paths exist, sizes are kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chatctl.version import __version__
from scripts.make_reference import PAGES

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^## chatctl ([a-z-]+)$", re.MULTILINE)
MAX_README_LINES = 200
MAX_ARCHITECTURE_WORDS = 1500


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.e2e
@pytest.mark.parametrize("target", PAGES, ids=relative)
def test_generated_page_matches_the_code(target: Path) -> None:
    assert target.read_text(encoding="utf-8") == PAGES[target](), "run: make docs"


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_relative_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if path.name != "CHANGELOG.md" and path not in PAGES], ids=relative
)
def test_cited_source_paths_exist(document: Path) -> None:
    """A path in backticks stands from the root or, as in ARCHITECTURE.md, from the package."""
    cited = re.findall(r"`((?:[\w.-]+/)+[\w-]+(?:\.(?:py|toml|md)|/))(?:::\w+)?`", document.read_text(encoding="utf-8"))
    folders = (ROOT, ROOT / "chatctl", document.parent)
    assert [path for path in cited if not any((folder / path).exists() for folder in folders)] == []


def test_readme_and_architecture_stay_short() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= MAX_README_LINES
    assert len(architecture.split()) <= MAX_ARCHITECTURE_WORDS


def test_changelog_begins_with_the_version() -> None:
    sections = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert __version__ in sections[:2]


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_python_examples_compile_and_import_what_exists(document: Path) -> None:
    for source in re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
        compile(source, relative(document), "exec")
        exec("\n".join(re.findall(r"^(?:from|import) .+$", source, re.MULTILINE)), {})


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_commands_in_examples_exist(document: Path) -> None:
    known = {command for page in PAGES if page.name == "cli.md" for command in COMMAND.findall(page.read_text())}
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    used = {name for block in blocks for name in re.findall(r"(?:^|\| *|/)chatctl ([a-z][a-z-]+)", block, re.MULTILINE)}
    assert used <= known
