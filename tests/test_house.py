"""The house rules, held by reading the source: which way imports point, who may look at the world, how code is kept."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("appliance", "drivers", "models")

# Whom a package may import.  Training is a room of its own: it may import all and is imported by none.
MAY_IMPORT = {
    "appliance": {"appliance", "drivers", "models"},
    "drivers": {"drivers"},
    "models": {"models"},
    "models.training": {"appliance", "drivers", "models", "models.training"},
}

# The shells: the only modules that may look at a clock, port, file or pin.  Everything else is given what it needs, so
# that a recorded night replays to the same answer.  "x." stands for a whole package.
SHELLS = (
    "appliance.__main__",
    "appliance.alarm_copy",
    "appliance.atomic",
    "appliance.box",
    "appliance.clock",
    "appliance.config",
    "appliance.database",
    "appliance.demo",
    "appliance.disk",
    "appliance.doctor.",
    "appliance.edf",
    "appliance.evaluation.files",
    "appliance.export.files",
    "appliance.forgetting",
    "appliance.kept",
    "appliance.ledger",
    "appliance.loading",
    "appliance.raw",
    "appliance.rehearsal.",
    "appliance.replay",
    "appliance.scenario.wire",
    "appliance.scenario.words",
    "appliance.senses",
    "appliance.status",
    "appliance.store",
    "appliance.supervisor",
    "appliance.timekeeper",
    "appliance.watchdog",
    "appliance.web.",
    "appliance.wired",
    "appliance.wiring",
    "drivers.capture",
    "drivers.environment.",
    "drivers.lamp_channels",
    "drivers.outputs",
    "drivers.probing",
    "drivers.radar",
    "drivers.twins.port",
    "models.sleeper.hypnogram",
    "models.stager",
    "models.training.",
)
LOOKING_MODULES = {
    *(
        "asyncio",
        "ctypes",
        "fcntl",
        "glob",
        "gpiozero",
        "io",
        "lgpio",
        "multiprocessing",
        "os",
        "pty",
        "queue",
        "random",
        "select",
    ),
    *("serial", "shutil", "signal", "smbus2", "socket", "sqlite3", "subprocess", "tempfile", "termios", "threading"),
    *("time", "tty", "urllib", "http"),
}
LOOKING_CALLS = {"open", "input", "print"}
LOOKING_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir"}
LOOKING_DATES = re.compile(r"\bdate(time)?\.(now|today|utcnow)$")  # a clock that was handed over may be asked

# A name that hides nothing says nothing.
EMPTY_NAMES = {"base", "common", "core", "helper", "helpers", "manager", "misc", "tools", "util", "utils"}

# Bracketed, so that this file does not hold what it looks for: the machine it was written on, notes that readers do
# not have, and hosts of package registries (pip's own configuration decides where packages come from).
PRIVATE = re.compile(
    r"/wor[k]/|/roo[t]/|\.\./share[d]|/tmp/pla[n]|/opt/(?:wheel[s]|pyp[i])|pyp[i]\.org|pythonhoste[d]|"
    r"\b(?:DESIG[N]|FIEL[D]|HOUS[E]|PHYSIOLOG[Y]|PLATFOR[M]|PROTOCOL[S]|STAGE[R]|STYL[E])(?:\.md| [0-9]| section)|"
    r"\((?:DESIG[N]|PHYSIOLOG[Y]|PROTOCOL[S]):"
)


def source_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    return "models.training" if f"{module}.".startswith("models.training.") else module.split(".")[0]


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, also of those inside functions; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def is_shell(module: str) -> bool:
    return any(f"{module}.".startswith(shell) if shell.endswith(".") else module == shell for shell in SHELLS)


def looks(tree: ast.AST) -> Iterator[str]:
    """Where code looks at the world by itself, as "line n: what"."""
    for line, name in imports(tree):
        if name.split(".")[0] in LOOKING_MODULES:
            yield f"line {line}: imports {name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in LOOKING_CALLS:
            yield f"line {node.lineno}: calls {called.id}"
        elif LOOKING_DATES.search(ast.unparse(called)):
            yield f"line {node.lineno}: calls {ast.unparse(called)}"
        elif isinstance(called, ast.Attribute) and called.attr in LOOKING_METHODS:
            yield f"line {node.lineno}: calls .{called.attr}"
        elif isinstance(called, ast.Attribute) and called.attr == "default_rng" and not node.args:
            yield f"line {node.lineno}: draws random numbers without a seed"


def test_imports_point_one_way() -> None:
    wrong = []
    for path in source_files(*PACKAGES):
        module = module_name(path)
        for line, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
            room = room_of(name)
            if name.split(".")[0] in PACKAGES and room not in MAY_IMPORT[room_of(module)]:
                wrong.append(f"{module} line {line} imports {name}")
    assert wrong == []


def test_pure_modules_do_not_look() -> None:
    wrong = [
        f"{module_name(path)} {what}"
        for path in source_files(*PACKAGES)
        if not is_shell(module_name(path))
        for what in looks(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert wrong == []


def test_every_shell_exists() -> None:
    modules = [module_name(path) for path in source_files(*PACKAGES)]
    assert [shell for shell in SHELLS if not any(f"{module}.".startswith(shell) for module in modules)] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", 1),
        ("def f():\n    from os import path", 1),
        ("datetime.now(UTC)", 1),
        ("open('x')", 1),
        ("np.random.default_rng()", 1),
        ("np.random.default_rng(seed)\nimport math\nfrom datetime import datetime", 0),
        ("clock.now()", 0),
    ],
)
def test_looking_is_noticed(source: str, found: int) -> None:
    assert len(list(looks(ast.parse(source)))) == found


def test_files_hold_one_idea() -> None:
    most = {"tests": 500} | dict.fromkeys(PACKAGES, 350)
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in source_files(*most)}
    assert [f"{path}: {n}" for path, n in lengths.items() if n > most[path.relative_to(ROOT).parts[0]]] == []


def test_names_say_something() -> None:
    names = [path.relative_to(ROOT).with_suffix("") for path in source_files(*PACKAGES)]
    assert [str(name) for name in names if EMPTY_NAMES & {part.lower() for part in name.parts}] == []


def test_nothing_private_is_named() -> None:
    wrong = []
    for path in tracked_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # a model, a picture, a packed capture
        wrong += [
            f"{path.relative_to(ROOT)}:{n}: {line.strip()}" for n, line in enumerate(lines, 1) if PRIVATE.search(line)
        ]
    assert wrong == []


def test_an_installed_copy_has_every_file_that_it_reads() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    data: dict[str, list[str]] = project["tool"]["setuptools"]["package-data"]
    packed = [f"{package.replace('.', '/')}/{pattern}" for package, patterns in data.items() for pattern in patterns]
    left_out = []
    for path in tracked_files():
        name = path.relative_to(ROOT)
        # Golden vectors are the tests' alone.
        if name.parts[0] in PACKAGES and path.suffix != ".py" and not path.name.endswith(".golden.npz"):
            left_out += [str(name)] if not any(name.match(pattern) for pattern in packed) else []
    assert left_out == []


def tracked_files() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["ruff", "check", "."], id="ruff check"),
        pytest.param(["ruff", "format", "--check", "."], id="ruff format"),
        pytest.param(["mypy", "--strict", *PACKAGES], id="mypy", marks=pytest.mark.slow),
    ],
)
def test_the_code_is_clean(arguments: list[str]) -> None:
    pytest.importorskip(arguments[0], reason=f"{arguments[0]} comes with the test extra")
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_scripts_are_clean() -> None:
    shellcheck = shutil.which("shellcheck", path=Path(sys.executable).parent) or shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    arm64 = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("tests/arm64/*.sh"))]
    scripts = ["setup.sh", "systemd/install.sh", ".ci/run", *arm64]
    done = subprocess.run([shellcheck, "-x", *scripts], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
