"""The stages that lie beside a recording: EDF+ annotations, XML of the NSRR, a table of BOAS, notes of PhysioNet.

- EDF+: ``Sleep stage N2`` and the like (edfplus.info, section 2.2.2 and its list of standard texts), in the recording
  itself or, as in Sleep-EDF, in a file of its own.
- NSRR (SHHS, MESA; sleepdata.org): ``*-nsrr.xml`` lists events with onset and duration, of which those of type
  ``Stages|Stages`` are stages; ``*-profusion.xml`` (Compumedics) lists one number for each epoch.
- BOAS (OpenNeuro ds005555): ``*_events.tsv``, column ``stage_hum``, the consensus of its human scorers.
- slpdb: annotator ``st``, an epoch of 30 s each, ``2 HA`` being stage 2 with what else happened; Challenge 2018:
  annotator ``arousal``, where a stage holds until the next.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from xml.etree import ElementTree

from appliance.edf import Edf
from models.contract import EPOCH_S
from models.training.corpora import wfdb
from models.training.corpora.stages import (
    BOAS_CODES,
    NSRR_CODES,
    WORDS,
    CorpusError,
    Span,
    stage_of_text,
    until_the_next,
)

DAY_S = 86_400.0


def read_stages(path: Path, start_s: float | None = None, fs: float = 0.0) -> list[Span]:
    """The stages of a file of any of these kinds, in order of time.

    ``start_s`` is the recording's time of day, where it tells one; ``fs`` the rate in Hz of a record of PhysioNet.
    Raises ``CorpusError`` or ``EdfError``, one line each.
    """
    try:
        match path.suffix.lower():
            case ".edf":
                spans = _edf(path, start_s)
            case ".xml":
                spans = _xml(path)
            case ".tsv":
                spans = _table(path)
            case _:
                spans = _notes(path, fs)
    except OSError as error:
        raise CorpusError(f"{path.name} cannot be read: {error.strerror or error}") from error
    except KeyError as error:
        raise CorpusError(f"{path.name} cannot be read: {error} is no stage that is known") from error
    except (ElementTree.ParseError, csv.Error, TypeError, ValueError) as error:
        raise CorpusError(f"{path.name} cannot be read: {error}") from error
    if not spans:
        raise CorpusError(f"{path.name} tells no stages")
    if not all(math.isfinite(span.onset_s) and 0 <= span.duration_s < math.inf for span in spans):
        raise CorpusError(f"{path.name} cannot be read: a stage begins or ends at no time")
    return sorted(spans)


def _edf(path: Path, start_s: float | None) -> list[Span]:
    edf = Edf(path)
    late_s = 0.0
    if start_s is not None and edf.start_s is not None:
        # The scorer's file may begin at another time than the recording: the nearer way round the clock.
        late_s = (edf.start_s - start_s + DAY_S / 2) % DAY_S - DAY_S / 2
    told = [(note, stage) for note in edf.annotations() if (stage := stage_of_text(note.text)) is not None]
    spans = until_the_next([(note.onset_s + late_s, stage) for note, stage in told])
    return [
        span._replace(duration_s=note.duration_s) if note.duration_s > 0 else span
        for (note, _), span in zip(told, spans, strict=True)
    ]


def _xml(path: Path) -> list[Span]:
    root = ElementTree.parse(path).getroot()
    if root.find("SleepStages") is not None:
        length_s = float(root.findtext("EpochLength", str(EPOCH_S)))
        codes = [(element.text or "").strip() for element in root.iter("SleepStage")]
        return [Span(k * length_s, length_s, NSRR_CODES[code]) for k, code in enumerate(codes)]
    spans = []
    for event in root.iter("ScoredEvent"):
        if (event.findtext("EventType") or "").startswith("Stages"):
            code = (event.findtext("EventConcept") or "").rpartition("|")[2].strip()
            onset_s, duration_s = (float(event.findtext(name) or "") for name in ("Start", "Duration"))
            spans.append(Span(onset_s, duration_s, NSRR_CODES[code]))
    return spans


def _table(path: Path) -> list[Span]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        if not {"onset", "duration", "stage_hum"} <= set(rows.fieldnames or ()):
            raise CorpusError(f"{path.name} has no columns onset, duration and stage_hum")
        return [
            Span(float(row["onset"]), float(row["duration"]), BOAS_CODES[row["stage_hum"]])
            for row in rows
            if row["stage_hum"] not in ("", "n/a")
        ]


def _notes(path: Path, fs: float) -> list[Span]:
    notes, own_fs = wfdb.read_notes(path)
    rate = own_fs or fs
    if not 0 < rate < math.inf:
        raise CorpusError(f"{path.name} cannot be read: its rate is {rate:g} Hz")
    words = [(note.sample / rate, note.text.split()[0].upper()) for note in notes if note.text.split()]
    told = [(onset_s, WORDS[word]) for onset_s, word in words if word in WORDS]
    if path.suffix == ".st":
        return [Span(onset_s, float(EPOCH_S), stage) for onset_s, stage in told]
    return until_the_next(told)
