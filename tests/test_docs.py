"""Documents that can rot: commands that they name exist, links lead somewhere, the list of habits is whole."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from phase_picture import picture

from appliance.__main__ import main
from appliance.config import Config, parse, render

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("models/*.md")]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def names(document: Path) -> str:
    return str(document.relative_to(ROOT))


def test_the_readme_lists_every_command_and_no_other() -> None:
    table = README.split("## Commands")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = [command for row in rows for command in re.findall(r"`([a-z]+)`", row)]
    assert sorted(listed) == sorted(main.commands)


def test_the_readme_shows_every_key_at_its_default() -> None:
    shown = README.split("```toml\n")[1].split("```")[0]
    assert parse(shown) == Config()
    keys = re.findall(r"^(\[?[a-z_]+\]?)", shown, re.M)
    assert keys == re.findall(r"^(\[?[a-z_]+\]?)", render(Config()), re.M)


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_commands_in_documents_exist(document: Path) -> None:
    called = set(re.findall(r"(?:[`/]firstlight|-m appliance) ([a-z]+)\b", document.read_text(encoding="utf-8")))
    assert called - set(main.commands) == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_setup_and_make_know_what_documents_ask_of_them(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    usage = subprocess.run([ROOT / "setup.sh", "--help"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"\./setup\.sh ([a-z]+)", text)) - set(re.findall(r"^  ([a-z]+)", usage, re.M)) == set()
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"`make ([a-z]+)", text)) - set(targets) == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert broken == []


def test_every_provision_of_the_security_standard_is_answered_once() -> None:
    """EN 303 645 V2.1.1 numbers its provisions 4-1, 5.1-1 to 5.13-1 and 6-1 to 6-5."""
    text = (ROOT / "docs/etsi-en-303-645.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "-" in line[:8]]
    rows = [row for row in rows if re.match(r"\d", row[0])]
    lengths = {"4": 1, "6": 5} | dict(
        zip((f"5.{n}" for n in range(1, 14)), (5, 3, 16, 4, 8, 9, 2, 3, 3, 1, 4, 3, 1), strict=True)
    )
    wanted = [f"{clause}-{k}" for clause, most in lengths.items() for k in range(1, most + 1)]
    assert sorted(row[0].split()[0] for row in rows) == sorted(wanted)
    assert {row[2] for row in rows} == {"met", "met in part", "not met", "n/a"}
    assert all(row[3] for row in rows)


def test_every_habit_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.M)
    assert phony is not None
    assert re.findall(r"^([a-z]+):.*  ## \S", makefile, re.M) == phony[1].split()


def test_the_alarm_is_drawn_as_the_code_has_it() -> None:
    drawn = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```mermaid\n")[1].split("\n```")[0]
    assert drawn == picture()
