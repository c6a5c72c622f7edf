"""From trained weights to the pair of files that the box loads: full int8 TFLite and its manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from models.contract import EPOCH_S, STAGES
from models.features import CLIP, FEATURE_NAMES, FEATURES_VERSION, PRIOR_EPOCHS
from models.stager import MANIFEST_FORMAT, MANIFEST_VERSION, network_input
from models.training.network import Committee

MAX_DEPARTURE = 0.01  # of kappa


class ExportError(Exception):
    """The int8 model is not the network that was trained; one line that says by how much."""


def freeze(network: Committee) -> Any:
    """The step as a concrete function without variables (unfrozen ones become NaN in litert, without an error)."""
    specs = [tf.TensorSpec((1, network.inputs), tf.float32, name="features")]
    specs += [tf.TensorSpec(shape, tf.float32, name=f"past_{k:02d}") for k, shape in enumerate(network.state_shapes())]

    def step(features: tf.Tensor, *states: tf.Tensor) -> dict[str, tf.Tensor]:
        logits, after = network.step(features, states)
        return {"logits": logits} | {f"next_{k:02d}": state for k, state in enumerate(after)}

    return convert_variables_to_constants_v2(tf.function(step).get_concrete_function(*specs))


def convert(network: Committee, nights: Sequence[NDArray[np.float32]]) -> bytes:
    """Full int8, calibrated by running the step network over ``nights`` ((epochs, features) each, NaN unknown)."""

    def samples() -> Iterator[list[NDArray[np.float32]]]:
        step = tf.function(network.step)
        for night in nights:
            states = [tf.zeros(shape) for shape in network.state_shapes()]
            for k, x in enumerate(network_input(night)[:, None, :]):
                if k % 5 == 0:
                    yield [x, *(state.numpy() for state in states)]
                _, states = step(tf.constant(x), states)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([freeze(network)])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def tensors(model: bytes, network: Committee) -> dict[str, Any]:
    """Which tensor of the file is which, for the manifest.

    Inputs keep their names; outputs are called Identity, Identity_1 ... in the order of the names they had.
    """
    interpreter = tf.lite.Interpreter(model_content=model)
    inputs = {d["name"]: _entry(d) for d in interpreter.get_input_details()}
    outputs = {d["name"]: _entry(d) for d in interpreter.get_output_details()}
    shapes = network.state_shapes()
    order = ["logits", *(f"next_{k:02d}" for k in range(len(shapes)))]
    place = {key: f"Identity_{n}" if n else "Identity" for n, key in enumerate(sorted(order))}
    states = [{"input": inputs[f"past_{k:02d}"], "output": outputs[place[f"next_{k:02d}"]]} for k in range(len(shapes))]
    logits = outputs[place["logits"]]
    if logits["shape"] != [1, network.classes] or any(
        one["input"]["shape"] != list(shape) or one["output"]["shape"] != list(shape)
        for one, shape in zip(states, shapes, strict=True)
    ):
        raise ExportError("the converter has named its outputs in another order; this TensorFlow is not known")
    return {"input": inputs["features"], "output": logits, "states": states}


def hold_to(float_kappa: float, int8_kappa: float, where: str) -> None:
    """Raises ExportError where int8 departs from float by more than MAX_DEPARTURE."""
    if not abs(int8_kappa - float_kappa) <= MAX_DEPARTURE:
        raise ExportError(
            f"{where}: int8 has kappa {int8_kappa:.3f}, float {float_kappa:.3f}; they may differ by {MAX_DEPARTURE}"
        )


def _entry(detail: dict[str, Any]) -> dict[str, Any]:
    scale, zero_point = detail["quantization"]
    return {
        "name": detail["name"],
        "shape": [int(n) for n in detail["shape"]],
        "type": np.dtype(detail["dtype"]).name,
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def manifest(model: bytes, network: Committee, temperature: float, facts: dict[str, Any]) -> dict[str, Any]:
    """The manifest as a JSON object; ``facts`` (name, version, training, metrics, git_commit ...) go in as they are."""
    return {
        "format": MANIFEST_FORMAT,
        "format_version": MANIFEST_VERSION,
        **facts,
        "sha256": digest(model),
        "parameters": network.parameters,
        "epoch_s": EPOCH_S,
        "classes": [stage.word for stage in STAGES],
        "features": {"version": FEATURES_VERSION, "names": list(FEATURE_NAMES)},
        "normalisation": {
            "running": f"z-score over the night so far, prior worth {PRIOR_EPOCHS:.0f} epochs (models/features.py)",
            "clip": CLIP,
            "missing": "0, and 1 in the second half of the input",
            "temperature": temperature,
        },
        **tensors(model, network),
    }


def digest(model: bytes) -> str:
    """What a manifest knows the model by."""
    return hashlib.sha256(model).hexdigest()


def write(folder: Path, name: str, model: bytes, fields: dict[str, Any]) -> Path:
    """Write both files of a model; returns the path of the .tflite."""
    path = folder / f"{name}.tflite"
    path.write_bytes(model)
    path.with_suffix(".json").write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    return path
