"""Stages out of the XML files of the National Sleep Research Resource (SHHS, MESA; sleepdata.org).

``*-nsrr.xml`` lists scored events with onset and duration, of which those of type ``Stages|Stages`` are stages;
``*-profusion.xml`` (Compumedics) lists one number for each epoch.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from models.contract import EPOCH_S
from models.training.corpora.stages import NSRR_CODES, Span


class NsrrError(Exception):
    """The file tells no stages; one line."""


def read_stages(path: Path) -> list[Span]:
    """The stages of either kind of file.  Raises ``NsrrError``."""
    try:
        root = ElementTree.parse(path).getroot()
        spans = _profusion(root) if root.find("SleepStages") is not None else _events(root)
    except OSError as error:
        raise NsrrError(f"{path.name} cannot be read: {error.strerror or error}") from error
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise NsrrError(f"{path.name} cannot be read: {error}") from error
    if not spans:
        raise NsrrError(f"{path.name} tells no stages")
    return spans


def _events(root: ElementTree.Element) -> list[Span]:
    spans = []
    for event in root.iter("ScoredEvent"):
        if event.findtext("EventType", "").startswith("Stages"):
            code = event.findtext("EventConcept", "").rpartition("|")[2].strip()
            onset_s, duration_s = float(event.findtext("Start", "")), float(event.findtext("Duration", ""))
            spans.append(Span(onset_s, duration_s, NSRR_CODES[code]))
    return spans


def _profusion(root: ElementTree.Element) -> list[Span]:
    length_s = float(root.findtext("EpochLength", str(EPOCH_S)))
    codes = [(element.text or "").strip() for element in root.iter("SleepStage")]
    return [Span(k * length_s, length_s, NSRR_CODES[code]) for k, code in enumerate(codes)]
