"""The stager: the shipped model answers as where it was made, and whatever does not fit is refused in one line."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sleeping import breathing_epochs

from models import stager as stager_module
from models.contract import EPOCH_S, EPOCH_SAMPLES, MIN_COVERAGE, STAGES, Epoch, SleepStage
from models.features import FEATURE_NAMES
from models.stager import DEFAULT_MODEL, Manifest, ModelError, Stager, StepNetwork, Tensor, network_input

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def network() -> StepNetwork:
    return Stager.load().network


def empty_epoch(index: int, coverage: float = 0.0) -> Epoch:
    blank = np.full(EPOCH_SAMPLES, np.nan, np.float32)
    return Epoch(index, float(index * EPOCH_S), blank, np.full(EPOCH_S, np.nan, np.float32), (), coverage)


def test_golden_vectors(network: StepNetwork) -> None:
    """The same answer in every runtime, on every machine; to the byte in both runtimes on x86-64 and litert on arm64,
    where tflite-runtime may differ by a step of the quantised logits.
    """
    with np.load(DEFAULT_MODEL.with_suffix(".golden.npz")) as golden:
        features, expected = golden["features"], golden["probabilities"]
    assert features.shape[1] == len(FEATURE_NAMES)
    assert len(features) >= 200
    assert len(np.unique(expected.argmax(axis=1))) >= 3  # the vectors say something
    answers = np.array([network.step(row) for row in features])
    if platform.machine() == "x86_64":
        np.testing.assert_allclose(answers, expected, atol=1e-12)
    assert np.abs(answers - expected).max() < 0.1
    assert np.abs(answers - expected).mean() < 0.005
    clear = np.diff(np.sort(expected, axis=1)[:, -2:])[:, 0] > 0.1
    np.testing.assert_array_equal(answers.argmax(axis=1)[clear], expected.argmax(axis=1)[clear])


def test_a_runtime_changes_no_arithmetic() -> None:
    """tflite-runtime's arm64 build turns subnormal numbers off as it is loaded; on x86-64 none does."""
    code = "from models.stager import Stager; x = float('1e-310'); Stager.load(); print(x / 2 > 0.0)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_fresh_start_answers_alike(network: StepNetwork) -> None:
    with np.load(DEFAULT_MODEL.with_suffix(".golden.npz")) as golden:
        features = golden["features"]
    first = np.array([network.step(row) for row in features])
    network.reset()
    np.testing.assert_array_equal(first, [network.step(row) for row in features])


def test_it_remembers(network: StepNetwork) -> None:
    with np.load(DEFAULT_MODEL.with_suffix(".golden.npz")) as golden:
        features = golden["features"]
    for row in features[:100]:
        after_a_while = network.step(row)
    network.reset()
    assert not np.array_equal(after_a_while, network.step(features[99]))


def test_estimates_of_a_night() -> None:
    stager = Stager.load()
    epochs = breathing_epochs(30, cv=0.1, moving_share=0.02)
    estimates = [stager.update(epoch) for epoch in epochs]
    for epoch, estimate in zip(epochs, estimates, strict=True):
        assert (estimate.index, estimate.start_s, estimate.coverage) == (epoch.index, epoch.start_s, 1.0)
        assert estimate.probabilities is not None
        assert sum(estimate.probabilities) == pytest.approx(1.0)
        assert estimate.stage is STAGES[int(np.argmax(estimate.probabilities))]
    stager.reset()
    assert [stager.update(epoch) for epoch in epochs] == estimates
    assert stager.name.startswith("firstlight-tcn ")


def test_too_little_signal_is_unscored_and_passes_through_the_memory() -> None:
    epochs = breathing_epochs(12, cv=0.1)
    weak = dataclasses.replace(epochs[5], coverage=MIN_COVERAGE - 0.01)
    one, other = Stager.load(), Stager.load()
    estimates = [one.update(epoch) for epoch in [*epochs[:5], weak, *epochs[6:]]]
    assert (estimates[5].stage, estimates[5].probabilities) == (SleepStage.UNSCORED, None)
    scored = [other.update(epoch) for epoch in epochs]
    assert estimates[:5] == scored[:5]
    assert estimates[6:] == scored[6:]  # the memory took the same features


def test_an_empty_night_is_unscored() -> None:
    stager = Stager.load()
    assert {stager.update(empty_epoch(k)).stage for k in range(20)} == {SleepStage.UNSCORED}


# --- quantising ------------------------------------------------------------------------------------------------------


def test_quantising_rounds_clips_then_casts() -> None:
    tensor = Tensor("x", (1, 5), 0.1, -3)
    # 0.26 / .1 - 3 = -.4 -> 0; 100 -> 997 -> 127 (a bare cast would wrap to -27); -100 -> -128
    np.testing.assert_array_equal(tensor.quantise(np.array([0.26, 100.0, -100.0, 0.0, 0.3])), [[0, 127, -128, -3, 0]])


@given(st.floats(-12.0, 12.0))
def test_quantising_is_off_by_half_a_step_at_most(value: float) -> None:
    tensor = Tensor("x", (1,), 0.1, 3)
    assert abs(tensor.restore(tensor.quantise(np.array([value])))[0] - value) <= 0.05 + 1e-9


def test_unknown_features_are_marked_and_not_zero() -> None:
    np.testing.assert_array_equal(network_input(np.array([1.5, np.nan, 0.0])), [1.5, 0.0, 0.0, 0.0, 1.0, 0.0])


# --- what is refused -------------------------------------------------------------------------------------------------


def changed_copy(folder: Path, change: Change) -> Path:
    path = folder / "other.tflite"
    path.write_bytes(DEFAULT_MODEL.read_bytes())
    fields = json.loads(DEFAULT_MODEL.with_suffix(".json").read_text(encoding="utf-8"))
    change(fields)
    path.with_suffix(".json").write_text(json.dumps(fields), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update(format_version=99), "format"),
        (lambda m: m["features"].update(version=99), "features 99"),
        (lambda m: m["features"]["names"].reverse(), "features"),
        (lambda m: m.update(epoch_s=20), "20 s"),
        (lambda m: m["classes"].reverse(), "classes"),
        (lambda m: m.update(sha256="0" * 64), "sha256"),
        (lambda m: m.pop("states"), "states"),
        (lambda m: m["states"].pop(), "tensor"),
        (lambda m: m["input"].update(scale=m["input"]["scale"] * 2), "tensor"),
        (lambda m: m["input"].update(scale=0.0), "scale"),
        (lambda m: m["output"].update(zero_point=m["output"]["zero_point"] + 1), "tensor"),
        (lambda m: m["output"].update(name="no_such"), "no_such"),
        (lambda m: m["input"].update(shape=[1, 3]), "tensor"),
        (lambda m: m.update(input="features"), "manifest"),
    ],
)
def test_a_manifest_that_does_not_fit(tmp_path: Path, change: Change, says: str) -> None:
    with pytest.raises(ModelError, match=says) as refused:
        Stager.load(changed_copy(tmp_path, change))
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("model other.tflite: ")


def test_states_that_are_paired_wrongly(tmp_path: Path) -> None:
    def swap(manifest: dict[str, Any]) -> None:
        a, b = manifest["states"][:2]
        a["output"], b["output"] = b["output"], a["output"]

    with pytest.raises(ModelError, match="pairs past_00 with"):
        Stager.load(changed_copy(tmp_path, swap))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"format": 1}'])
def test_what_is_no_manifest(text: str) -> None:
    with pytest.raises(ModelError, match=r"manifest|format"):
        Manifest.parse(text)


@pytest.mark.parametrize("content", [b"", b"no model", bytes(200)])
def test_what_is_no_network(tmp_path: Path, content: bytes) -> None:
    path = changed_copy(tmp_path, lambda m: m.update(sha256=hashlib.sha256(content).hexdigest()))
    path.write_bytes(content)
    with pytest.raises(ModelError) as refused:
        Stager.load(path)
    assert "\n" not in str(refused.value)


def test_files_that_are_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model none\.tflite: cannot read"):
        Stager.load(tmp_path / "none.tflite")
    (tmp_path / "alone.tflite").write_bytes(DEFAULT_MODEL.read_bytes())
    with pytest.raises(ModelError, match=r"manifest"):
        Stager.load(tmp_path / "alone.tflite")


# --- runtimes --------------------------------------------------------------------------------------------------------


def test_tflite_runtime_is_not_asked_for_under_numpy_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import succeeds there and its interpreter dies, so catching ImportError is not enough."""
    monkeypatch.setattr(stager_module.np, "__version__", "2.1.0")
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ModelError, match="no TFLite runtime"):
        stager_module.find_interpreter()


@pytest.mark.skipif(find_spec("models.training") is None, reason="training code is not installed")
def test_the_box_never_imports_tensorflow() -> None:
    code = (
        "import sys; from models.stager import Stager; Stager.load();"
        "print([m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'keras', 'scipy') or 'training' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_manifest_tells_where_the_model_is_from() -> None:
    fields = json.loads(DEFAULT_MODEL.with_suffix(".json").read_text(encoding="utf-8"))
    assert fields["name"] == DEFAULT_MODEL.stem
    assert fields["parameters"] <= 100_000
    assert DEFAULT_MODEL.stat().st_size <= 300_000
    assert all(entry["nights"] > 0 for entry in fields["training"])
    assert all({"kappa", "kappa_float", "f1"} <= set(figures) for figures in fields["metrics"].values())
    for figures in fields["metrics"].values():
        assert abs(figures["kappa"] - figures["kappa_float"]) <= 0.01
    assert len(fields["git_commit"]) == 40
