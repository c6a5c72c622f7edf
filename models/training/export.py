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
from models.training.network import CausalNetwork


def freeze(network: CausalNetwork) -> Any:
    """The step as a concrete function without variables (unfrozen ones become NaN in litert, without an error)."""
    specs = [tf.TensorSpec((1, network.shape.inputs), tf.float32, name="features")]
    specs += [tf.TensorSpec((1, d, network.shape.width), tf.float32, name=f"past_{d}") for d in network.shape.dilations]

    def step(features: tf.Tensor, *states: tf.Tensor) -> dict[str, tf.Tensor]:
        logits, after = network.step(features, states)
        return {"logits": logits} | {f"next_{d}": s for d, s in zip(network.shape.dilations, after, strict=True)}

    return convert_variables_to_constants_v2(tf.function(step).get_concrete_function(*specs))


def convert(network: CausalNetwork, nights: Sequence[NDArray[np.float32]]) -> bytes:
    """Full int8, calibrated by running the step network over ``nights`` ((epochs, features) each, NaN unknown)."""

    def samples() -> Iterator[list[NDArray[np.float32]]]:
        step = tf.function(network.step)
        for night in nights:
            states = network.empty_states()
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


def tensors(model: bytes, network: CausalNetwork) -> dict[str, Any]:
    """Which tensor of the file is which, for the manifest: input, output and states, told apart by their shapes."""
    interpreter = tf.lite.Interpreter(model_content=model)
    width, dilations = network.shape.width, network.shape.dilations
    if len(set(dilations)) < len(dilations):
        raise ValueError("dilations must differ: the rings are told apart by their lengths")
    inputs = {tuple(d["shape"]): _entry(d) for d in interpreter.get_input_details()}
    outputs = {tuple(d["shape"]): _entry(d) for d in interpreter.get_output_details()}
    return {
        "input": inputs[1, network.shape.inputs],
        "output": outputs[1, len(STAGES)],
        "states": [{"input": inputs[1, d, width], "output": outputs[1, d, width]} for d in dilations],
    }


def _entry(detail: dict[str, Any]) -> dict[str, Any]:
    scale, zero_point = detail["quantization"]
    return {
        "name": detail["name"],
        "shape": [int(n) for n in detail["shape"]],
        "type": np.dtype(detail["dtype"]).name,
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def manifest(model: bytes, network: CausalNetwork, temperature: float, facts: dict[str, Any]) -> dict[str, Any]:
    """The manifest as a JSON object; ``facts`` (name, version, training, metrics, git_commit ...) go in as they are."""
    return {
        "format": MANIFEST_FORMAT,
        "format_version": MANIFEST_VERSION,
        **facts,
        "sha256": hashlib.sha256(model).hexdigest(),
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


def write(folder: Path, name: str, model: bytes, fields: dict[str, Any]) -> Path:
    """Write both files of a model; returns the path of the .tflite."""
    path = folder / f"{name}.tflite"
    path.write_bytes(model)
    path.with_suffix(".json").write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    return path
