"""Does another machine answer as this one does?  Golden vectors of every model, and an evening by each radar module.

python tests/arm64/same_answers.py make FOLDER        simulated captures, once, on one machine
python tests/arm64/same_answers.py tell FOLDER FILE   what this machine makes of them, as JSON lines
python tests/arm64/same_answers.py compare FILE FILE  how far two machines' answers lie apart
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from models.intent import DEFAULT_INTENT, INTENT
from models.restager import DEFAULT_MORNING
from models.stager import DEFAULT_MODEL, STAGING, StepNetwork

MODULES = ("micradar", "tinyframe", "acconeer")
ALARM = "22:40"  # UTC, within the evening
Line = dict[str, Any]


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    scenario = Path(__file__).with_name("evening.toml")
    for module in MODULES:
        out = [f"--out={folder / module}.flcap.gz", f"--truth={folder / module}.csv"]
        _firstlight("simulate", f"--scenario={scenario}", "--seed=1", f"--module={module}", *out)


def tell(folder: Path) -> Iterator[Line]:
    machine = f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}"
    yield {"kind": "machine", "is": machine}
    for path, purpose in ((DEFAULT_MODEL, STAGING), (DEFAULT_MORNING, STAGING), (DEFAULT_INTENT, INTENT)):
        network = StepNetwork.load(path, purpose)
        with np.load(path.with_suffix(".golden.npz")) as golden:
            features, expected = golden["features"], golden["probabilities"]
        answers = np.array([network.step(row) for row in features])
        apart = np.abs(answers - expected)
        yield {
            "kind": "golden",
            "model": path.stem,
            "vectors": len(answers),
            "most_apart": float(apart.max()),
            "other_class": int((answers.argmax(1) != expected.argmax(1)).sum()),
            "not_to_1e-12": int((apart.max(1) > 1e-12).sum()),
        }
    for module in MODULES:
        said = _firstlight("replay", str(folder / f"{module}.flcap.gz"), "--json", f"--alarm={ALARM}")
        yield from (json.loads(text) | {"module": module} for text in said.splitlines())


def compare(ours: list[Line], theirs: list[Line]) -> None:
    for line in (ours[0], theirs[0]):
        print(line["is"])
    for line in (line for line in theirs if line["kind"] == "golden"):
        print(
            f"{line['model']}: {line['vectors']} golden vectors, {line['not_to_1e-12']} not the same, "
            f"{line['other_class']} of another class, at most {line['most_apart']:.4f} apart"
        )
    pairs = (_by_kind(ours), _by_kind(theirs))
    for key in sorted(pairs[0].keys() | pairs[1].keys()):
        a, b = (pair.get(key, []) for pair in pairs)
        differ = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
        print(f"{key[0]:10s} {key[1]:9s} {len(a)} and {len(b)} lines, {len(differ)} differ{_most(differ)}")


def _by_kind(lines: list[Line]) -> dict[tuple[str, str], list[Line]]:
    found = defaultdict(list)
    for line in lines:
        if "module" in line:
            found[line["module"], line["kind"]].append(line)
    return found


def _most(differ: list[tuple[Line, Line]]) -> str:
    """By how much each key is apart at most; of words, how often."""
    numbers: dict[str, float] = defaultdict(float)
    words: dict[str, int] = defaultdict(int)
    for a, b in differ:
        for key in (key for key in a.keys() | b.keys() if a.get(key) != b.get(key)):
            x, y = a.get(key), b.get(key)
            if isinstance(x, int | float) and isinstance(y, int | float):
                numbers[key] = max(numbers[key], abs(x - y))
            else:
                words[key] += 1
    parts = [f"{key} by up to {most:.6g}" for key, most in numbers.items()]
    parts += [f"{key} in {count}" for key, count in words.items()]
    return ": " + ", ".join(parts) if parts else ""


def _firstlight(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "appliance", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def main() -> None:
    match sys.argv[1:]:
        case ["make", folder]:
            make(Path(folder))
        case ["tell", folder, file]:
            with open(
                file, "w", encoding="utf-8", buffering=1
            ) as out:  # what was told stands, if the rest takes too long
                out.writelines(json.dumps(line) + "\n" for line in tell(Path(folder)))
        case ["compare", *files] if len(files) == 2:
            ours, theirs = ([json.loads(line) for line in Path(file).read_text("utf-8").splitlines()] for file in files)
            compare(ours, theirs)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
