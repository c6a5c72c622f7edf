"""The stager: a small int8 network with its memory outside, one step an epoch, and its manifest.

A ``.tflite`` alone tells neither what its inputs mean nor in which order its outputs stand (conversion sorts them by
name), so it is only ever loaded together with its ``.json``; whatever does not fit is refused in one line, and the box
goes on without stages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.contract import EPOCH_S, MIN_COVERAGE, STAGES, Epoch, SleepStage, StageEstimate
from models.features import FEATURE_NAMES, FEATURES_VERSION, FeatureExtractor, breath_cv, pack

MANIFEST_FORMAT = "firstlight-model"
MANIFEST_VERSION = 1
DEFAULT_MODEL = Path(__file__).with_name("firstlight-tcn.tflite")


class ModelError(Exception):
    """The model cannot be used; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One int8 input or output as the manifest names it: real value = (stored - zero_point) * scale."""

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int

    def quantise(self, values: NDArray[Any]) -> NDArray[np.int8]:
        """Round, then clip, then cast: a cast before the clip would wrap around."""
        stored = np.rint(np.asarray(values, np.float64) / self.scale) + self.zero_point
        clipped: NDArray[np.int8] = np.clip(stored, -128, 127).astype(np.int8)
        return clipped.reshape(self.shape)

    def restore(self, stored: NDArray[np.int8]) -> NDArray[np.float64]:
        """The real values, flat."""
        return (stored.ravel().astype(np.float64) - self.zero_point) * self.scale


@dataclass(frozen=True, slots=True)
class Beside:
    """Of a network that runs backwards in the morning: the live one that it was made for, and how that one counts."""

    live_sha256: str
    live_weight: float  # the live probabilities to this power are multiplied by its own


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a network is asked: the features that it takes and the classes that it tells."""

    features_version: int
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]


STAGING = Purpose(FEATURES_VERSION, FEATURE_NAMES, tuple(stage.word for stage in STAGES))


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """Of a network whose answers are cut at change points: how dear a change is (appliance/change_points.py)."""

    most_nats: float  # that surprise can cost an epoch; with awake_nats less than either change
    awake_nats: float  # that an epoch awake costs beside, since most of the time in bed is sleep
    trying_nats: float  # between trying, or asleep, and neither
    asleep_nats: float  # between trying and asleep
    lag_epochs: int  # after so many an epoch is settled live


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model file promises, as far as running it needs to know; the rest of the file is for people."""

    name: str
    version: str
    sha256: str
    input: Tensor
    output: Tensor
    states: tuple[tuple[Tensor, Tensor], ...]  # (in, out) of equal shape
    temperature: float  # logits are divided by it
    beside: Beside | None = None  # of the morning's network only
    changes: ChangeRules | None = None  # of the network that tells intent

    @classmethod
    def parse(cls, text: str, purpose: Purpose = STAGING) -> Manifest:
        """Read a manifest and check it against the features and classes that this program has for the purpose.

        Raises ModelError in one line when it is no manifest, of another format, or made for other features or epochs.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            if fields["format"] != MANIFEST_FORMAT or fields["format_version"] != MANIFEST_VERSION:
                raise ModelError(f"its format is not {MANIFEST_FORMAT} {MANIFEST_VERSION}; update the box")
            features = fields["features"]
            if features["version"] != purpose.features_version or tuple(features["names"]) != purpose.feature_names:
                raise ModelError(
                    f"made for features {features['version']}, here they are {purpose.features_version}; update both"
                )
            if fields["epoch_s"] != EPOCH_S:
                raise ModelError(f"made for epochs of {fields['epoch_s']} s, the box has {EPOCH_S} s")
            if tuple(fields["classes"]) != purpose.classes:
                raise ModelError(f"its classes are {fields['classes']}, not {list(purpose.classes)}")
            return cls(
                name=str(fields["name"]),
                version=str(fields["version"]),
                sha256=str(fields["sha256"]),
                input=_tensor(fields["input"]),
                output=_tensor(fields["output"]),
                states=tuple((_tensor(s["input"]), _tensor(s["output"])) for s in fields["states"]),
                temperature=float(fields["normalisation"]["temperature"]),
                beside=_beside(fields["beside"]) if "beside" in fields else None,
                changes=_changes(fields["change_points"]) if "change_points" in fields else None,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"not a model manifest ({type(error).__name__}: {error}); install it again") from None


def _beside(fields: dict[str, Any]) -> Beside:
    return Beside(str(fields["live_sha256"]), float(fields["live_weight"]))


def _changes(fields: dict[str, Any]) -> ChangeRules:
    keys = ("most_nats", "awake_nats", "trying_nats", "asleep_nats")
    most, awake, trying, asleep = (float(fields[key]) for key in keys)
    rules = ChangeRules(most, awake, trying, asleep, int(fields["lag_epochs"]))
    if not (most > 0 and awake >= 0 and most + awake < min(trying, asleep) and rules.lag_epochs >= 1):
        raise ValueError("one epoch may cost a change")
    return rules


def _tensor(fields: dict[str, Any]) -> Tensor:
    tensor = Tensor(
        str(fields["name"]), tuple(map(int, fields["shape"])), float(fields["scale"]), int(fields["zero_point"])
    )
    if not tensor.scale > 0:
        raise ValueError(f"scale {tensor.scale} of tensor {tensor.name}")
    return tensor


class StepNetwork:
    """The int8 network: one feature vector in, class probabilities out, its memory kept between calls.

    The same for the night, forwards, and for the morning after, backwards.
    """

    def __init__(self, manifest: Manifest, model: bytes) -> None:
        self.manifest = manifest
        make_interpreter = find_interpreter()
        try:
            self._interpreter = make_interpreter(model_content=model)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"the runtime refuses the network ({' '.join(str(error).split())})") from None
        inputs = {detail["name"]: detail for detail in self._interpreter.get_input_details()}
        outputs = {detail["name"]: detail for detail in self._interpreter.get_output_details()}
        self._input = _locate(manifest.input, inputs)
        self._output = _locate(manifest.output, outputs)
        for state_in, state_out in manifest.states:
            if state_in.shape != state_out.shape:
                raise ModelError(f"its manifest pairs {state_in.name} with {state_out.name}, of another shape")
        self._states = [(_locate(a, inputs), _locate(b, outputs), a, b) for a, b in manifest.states]
        if inputs or outputs:
            raise ModelError(f"its manifest does not name these tensors: {', '.join([*inputs, *outputs])}")
        self._memory: list[NDArray[np.int8]] = []
        self.reset()

    @classmethod
    def load(cls, path: Path, purpose: Purpose = STAGING) -> StepNetwork:
        """Load ``path`` (.tflite) and the .json beside it; ModelError in one line when either is missing or unfit."""
        try:
            model = path.read_bytes()
            text = path.with_suffix(".json").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"model {path.name}: cannot read it or its .json manifest ({error})") from None
        try:
            manifest = Manifest.parse(text, purpose)
            if hashlib.sha256(model).hexdigest() != manifest.sha256:
                raise ModelError("the file is not the one its manifest describes (sha256); install the model again")
            return cls(manifest, model)
        except ModelError as error:
            raise ModelError(f"model {path.name}: {error}") from None

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self.manifest.name} {self.manifest.version}"

    def reset(self) -> None:
        """Forget everything: a new session begins with an empty memory."""
        self._memory = [state_in.quantise(np.zeros(state_in.shape)) for _, _, state_in, _ in self._states]

    def step(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities of the classes, shape (classes,), for the next epoch's features (NaN = unknown)."""
        self._interpreter.set_tensor(self._input, self.manifest.input.quantise(network_input(features)))
        for (at, _, _, _), memory in zip(self._states, self._memory, strict=True):
            self._interpreter.set_tensor(at, memory)
        self._interpreter.invoke()
        self._memory = [self._carry(at, state_in, state_out) for _, at, state_in, state_out in self._states]
        logits = self.manifest.output.restore(self._interpreter.get_tensor(self._output)) / self.manifest.temperature
        odds: NDArray[np.float64] = np.exp(logits - logits.max())
        p: NDArray[np.float64] = odds / odds.sum()
        return p

    def _carry(self, at: int, state_in: Tensor, state_out: Tensor) -> NDArray[np.int8]:
        """The state that came out as it goes in next: the same bytes, or requantised where the scales differ."""
        stored: NDArray[np.int8] = self._interpreter.get_tensor(at)
        if (state_in.scale, state_in.zero_point) == (state_out.scale, state_out.zero_point):
            return stored
        return state_in.quantise(state_out.restore(stored))


def network_input(features: NDArray[Any]) -> NDArray[np.float32]:
    """Features as the network takes them: unknown ones become 0, the mean, and a 1 in the second half says so.

    Shape (..., n) to (..., 2 n).
    """
    unknown = np.isnan(features)
    masked: NDArray[np.float32] = np.concatenate((np.where(unknown, 0.0, features), unknown), -1, dtype=np.float32)
    return masked


def _locate(tensor: Tensor, details: dict[str, Any]) -> int:
    """Take the tensor out of the runtime's list and give its index; ModelError where it differs from the manifest."""
    detail = details.pop(tensor.name, None)
    if detail is None:
        raise ModelError(f"the network has no tensor {tensor.name}, which its manifest names")
    scale, zero_point = detail["quantization"]
    same_scale = abs(scale - tensor.scale) <= 1e-6 * tensor.scale and zero_point == tensor.zero_point
    if detail["dtype"] is not np.int8 or tuple(detail["shape"]) != tensor.shape or not same_scale:
        raise ModelError(f"tensor {tensor.name} is not as its manifest says (int8, shape, scale, zero point)")
    return int(detail["index"])


def find_interpreter() -> Callable[..., Any]:
    """What makes an interpreter in whichever TFLite runtime works here; ModelError when there is none.

    tflite_runtime 2.14 was built against numpy 1: under numpy 2 its import succeeds and its interpreter fails, so it is
    asked for only where it can work.  Its arm64 build turns subnormal numbers off for the thread that loads it; numpy
    complains of that and arithmetic comes out otherwise than elsewhere, so a thread of its own loads it.  Without their
    default delegate (XNNPACK in litert) both runtimes give the same bytes.
    """
    runtimes = ["tflite_runtime.interpreter"] if int(np.__version__.split(".")[0]) < 2 else []
    for name in (*runtimes, "ai_edge_litert.interpreter"):
        try:
            with ThreadPoolExecutor(1) as loader:
                runtime = loader.submit(import_module, name).result()
        except ImportError:
            continue
        plain = runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        return partial(runtime.Interpreter, num_threads=1, experimental_op_resolver_type=plain)
    raise ModelError("no TFLite runtime for this Python and numpy; run ./setup.sh venv")


class Stager:
    """Epochs in, sleep stages out, one sleeper and one session at a time."""

    def __init__(self, network: StepNetwork) -> None:
        self.network = network
        self._extractor = FeatureExtractor()
        self.name = network.name
        self.breath_cv: float | None = None  # robust CV of breath intervals over 150 s
        self.measures: NDArray[np.float64] | None = None  # of the last epoch, as intent wants them
        self.kept: bytes | None = None  # the last epoch's features, packed: what the morning needs of it

    @classmethod
    def load(cls, path: Path = DEFAULT_MODEL) -> Stager:
        """Load ``path`` (.tflite) and the .json beside it; ModelError in one line when either is missing or unfit."""
        network = StepNetwork.load(path)
        if network.manifest.beside is not None:
            raise ModelError(f"model {path.name}: made for the morning, not for the night; choose a live one")
        return cls(network)

    def reset(self) -> None:
        """Begin a new session."""
        self.network.reset()
        self._extractor = FeatureExtractor()

    def update(self, epoch: Epoch) -> StageEstimate:
        """Stage the next epoch.  Too little signal gives UNSCORED, yet the epoch passes through the memory."""
        features = self._extractor.update(epoch)
        self.measures = self._extractor.measures
        self.breath_cv = breath_cv(self.measures)
        self.kept = pack(features)
        return estimate(epoch.index, epoch.start_s, self.network.step(features), epoch.coverage)


def estimate(index: int, start_s: float, p: NDArray[np.float64], coverage: float) -> StageEstimate:
    """The likeliest stage; UNSCORED where the signal covered too little."""
    if coverage < MIN_COVERAGE:
        return StageEstimate(index, start_s, SleepStage.UNSCORED, None, coverage)
    wake, light, deep, rem = map(float, p)
    return StageEstimate(index, start_s, STAGES[int(p.argmax())], (wake, light, deep, rem), coverage)
