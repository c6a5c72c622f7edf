"""setup.sh and .ci/run on a stand-in Python, so that every refusal and every shortcut is tried without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Answers what setup.sh asks a Python, makes a folder for "-m venv" and writes down whatever else it is told to run.
STAND_IN = r"""#!/usr/bin/env bash
case "$*" in
  *calcsize*) echo "${STAND_IN_IS-3.12 64}" ;;
  *ensurepip*) exit "${STAND_IN_NO_VENV:-0}" ;;
  "-m venv "*)
    bin=${*: -1}/bin
    mkdir -p "$bin" && cp "$0" "$bin/python" && cp "$0" "$bin/pip"
    echo "made venv" >>"$STAND_IN_LOG" ;;
  "-m pip "*) echo "pip ${*: -1}" >>"$STAND_IN_LOG"; exit "${STAND_IN_PIP:-0}" ;;
  *) echo "$PWD FIRSTLIGHT_DATA=${FIRSTLIGHT_DATA:-} $*" >>"$STAND_IN_LOG" ;;
esac
"""


class Clone:
    """A copy of what setup.sh needs in a folder with a space in its name, and what the stand-in was told to run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "my clone"
        (self.folder / ".ci").mkdir(parents=True)
        for name in ("setup.sh", "pyproject.toml", ".ci/run"):
            shutil.copy(ROOT / name, self.folder / name)
        self.stand_in = folder / "python"
        self.stand_in.write_text(STAND_IN)
        self.stand_in.chmod(0o755)
        self.log_file = folder / "log"
        self.log_file.touch()
        self.elsewhere = folder

    def run(self, *arguments: str, program: str = "setup.sh", **environment: str) -> subprocess.CompletedProcess[str]:
        names = {"PATH": os.environ["PATH"], "PYTHON": str(self.stand_in), "STAND_IN_LOG": str(self.log_file)}
        return subprocess.run(
            [self.folder / program, *arguments],
            cwd=self.elsewhere,
            env=names | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self) -> list[str]:
        """What was run since the last look."""
        lines = self.log_file.read_text().splitlines()
        self.log_file.write_text("")
        return lines


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_venv_is_made_once_and_left_alone_while_nothing_changed(clone: Clone) -> None:
    assert clone.run("venv").returncode == 0
    assert clone.log() == ["made venv", f"pip {clone.folder}"]
    assert clone.run("venv").returncode == 0
    assert clone.log() == []


def test_changed_dependencies_are_installed_into_the_same_venv(clone: Clone) -> None:
    clone.run("venv")
    clone.log()
    with (clone.folder / "pyproject.toml").open("a") as file:
        file.write("# one more\n")
    clone.run("venv")
    assert clone.log() == [f"pip {clone.folder}"]


def test_the_tests_need_more_than_the_box_and_then_the_box_needs_nothing(clone: Clone) -> None:
    clone.run("venv", "test")
    assert clone.log() == ["made venv", f"pip {clone.folder}[test]"]
    clone.run("venv")
    assert clone.log() == []


def test_training_is_refused_where_its_library_does_not_exist(clone: Clone) -> None:
    refused = clone.run("venv", "train")
    assert refused.returncode == 1
    assert "PYTHON=python3.11 ./setup.sh venv train" in refused.stderr
    assert clone.run("venv", "train", STAND_IN_IS="3.11 64").returncode == 0
    assert clone.log()[-1] == f"pip {clone.folder}[train]"


def test_another_python_makes_another_venv(clone: Clone) -> None:
    clone.run("venv")
    clone.log()
    other = clone.elsewhere / "other"
    other.write_text(STAND_IN.replace("3.12 64", "3.13 64"))
    other.chmod(0o755)
    clone.run("venv", PYTHON=str(other))
    assert clone.log() == ["made venv", f"pip {clone.folder}"]


def test_a_moved_folder_is_installed_again(clone: Clone) -> None:
    clone.run("venv")
    clone.log()
    moved = clone.elsewhere / "moved"
    clone.folder.rename(moved)
    clone.folder = moved
    clone.run("venv")
    assert clone.log() == [f"pip {moved}"]


def test_a_failed_installation_says_so_and_is_tried_again(clone: Clone) -> None:
    failed = clone.run("venv", STAND_IN_PIP="1")
    assert failed.returncode == 1
    assert "run this again" in failed.stderr
    clone.log()
    assert clone.run("venv").returncode == 0
    assert clone.log() == [f"pip {clone.folder}"]


def test_demo_passes_its_arguments_on(clone: Clone) -> None:
    clone.run("demo", "--speed", "120")
    assert clone.log()[-1] == f"{clone.folder} FIRSTLIGHT_DATA= -m appliance demo --speed 120"


@pytest.mark.parametrize(("program", "command"), [("setup.sh", ["test"]), (".ci/run", [])])
def test_tests_get_their_arguments_and_the_folder_of_recordings(clone: Clone, program: str, command: list[str]) -> None:
    clone.run(*command, "-k", "alarm", program=program, FIRSTLIGHT_DATA="recordings")
    data = clone.elsewhere / "recordings"
    assert clone.log()[-1] == f"{clone.folder} FIRSTLIGHT_DATA={data} -m pytest -rs -k alarm"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"STAND_IN_IS": "3.10 64"}, "is Python 3.10: install Python 3.11, 3.12 or 3.13"),
        ({"STAND_IN_IS": "3.14 64"}, "is Python 3.14: install Python 3.11, 3.12 or 3.13"),
        ({"STAND_IN_IS": "3.11 32"}, "is a 32-bit program and Firstlight needs 64"),
        ({"STAND_IN_IS": ""}, "does not run: install Python 3.11, 3.12 or 3.13"),
        ({"PYTHON": "/no/such/python"}, "/no/such/python does not run"),
        ({"STAND_IN_NO_VENV": "1"}, "sudo apt install python3.12-venv"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(clone: Clone, environment: dict[str, str], says: str) -> None:
    refused = clone.run("venv", **environment)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (clone.folder / ".venv").exists()


@pytest.mark.parametrize("machine", ["armv7l", "armv6l", "i686"])
def test_a_32_bit_kernel_is_refused_in_one_line(clone: Clone, machine: str) -> None:
    programs = clone.elsewhere / "bin"
    programs.mkdir()
    (programs / "uname").write_text(f"#!/bin/sh\necho {machine}\n")
    (programs / "uname").chmod(0o755)
    refused = clone.run("demo", PATH=f"{programs}:{os.environ['PATH']}")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"setup.sh: this system is 32-bit ({machine})")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(("arguments", "status"), [([], 64), (["dmeo"], 64), (["--help"], 0)])
def test_usage_is_shown_for_anything_else(clone: Clone, arguments: list[str], status: int) -> None:
    shown = clone.run(*arguments)
    assert shown.returncode == status
    assert (shown.stdout or shown.stderr).startswith("usage: ./setup.sh COMMAND")


@pytest.fixture
def which_is(clone: Clone) -> Callable[[str, str], None]:
    """Puts a stand-in of this version on the PATH under this name."""
    (clone.elsewhere / "bin").mkdir()

    def put(name: str, version: str) -> None:
        program = clone.elsewhere / "bin" / name
        program.write_text(STAND_IN.replace("3.12 64", version))
        program.chmod(0o755)

    return put


@pytest.mark.skipif(Path("/proc/device-tree/model").exists(), reason="a Pi's own Python goes first")
def test_the_newest_python_that_works_is_chosen(clone: Clone, which_is: Callable[[str, str], None]) -> None:
    which_is("python3.13", "")  # a shim that does not run
    which_is("python3.12", "3.12 64")
    which_is("python3.11", "3.11 64")
    result = clone.run("venv", PYTHON="", PATH=f"{clone.elsewhere / 'bin'}:/usr/bin:/bin")
    assert result.returncode == 0
    assert (clone.folder / ".venv" / "installed-base").read_text().startswith("3.12 64 in ")
