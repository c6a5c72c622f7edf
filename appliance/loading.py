"""The model files of the box, each loaded or told in one line why not: what is missing costs its own part alone."""

from __future__ import annotations

from pathlib import Path

from appliance.smart import PolicyError, WakingPolicy
from models.intent import DEFAULT_INTENT, IntentScorer
from models.restager import DEFAULT_MORNING, Restager
from models.stager import DEFAULT_MODEL, ModelError, Stager

DEFAULT_POLICY = DEFAULT_MODEL.with_name("firstlight-waking.json")


def load_stager(path: Path | None) -> tuple[Stager | None, str | None]:
    """The stager, or None and a line that says why: without stages the box still rings at the set time."""
    try:
        return (Stager.load() if path is None else Stager.load(path)), None
    except ModelError as error:
        return None, f"No stages: {error}"


def load_scorer(path: Path | None = None) -> tuple[IntentScorer | None, str | None]:
    """What tells who is trying to sleep, or None and a line that says why.

    A model other than the shipped one may have its own beside it, NAME-intent.tflite; else the shipped one serves.
    """
    beside = None if path is None else path.with_name(f"{path.stem}-intent{path.suffix}")
    try:
        return IntentScorer.load(beside if beside is not None and beside.exists() else DEFAULT_INTENT), None
    except ModelError as error:
        return None, f"Not told who is trying to sleep, so times count from entering bed: {error}"


def load_restager(path: Path | None) -> tuple[Restager | None, str | None]:
    """What stages the night again in the morning beside the live model ``path``, or None and a line that says why.

    A model other than the shipped one has its morning beside it: NAME-morning.tflite.
    """
    morning = DEFAULT_MORNING if path is None else path.with_name(f"{path.stem}-morning{path.suffix}")
    try:
        return Restager.load(morning, path or DEFAULT_MODEL), None
    except ModelError as error:
        return None, f"No second staging in the morning: {error}"


def load_policy(path: Path | None, stager: Stager) -> tuple[WakingPolicy | None, str | None]:
    """What finds good moments behind the stager of the model ``path``, or None and a line that says why: the set time.

    A model other than the shipped one has its policy beside it: NAME-waking.json.
    """
    beside = DEFAULT_POLICY if path is None else path.with_name(f"{path.stem}-waking.json")
    try:
        return WakingPolicy.parse(beside.read_text(encoding="utf-8"), stager.network.manifest.sha256), None
    except (OSError, UnicodeDecodeError) as error:
        reason = f"{beside.name} cannot be read ({getattr(error, 'strerror', None) or 'not text'}); install it again"
    except PolicyError as error:
        reason = f"{beside.name}: {error}"
    return None, f"Every alarm rings at its set time: {reason}"
