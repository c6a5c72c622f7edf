"""When, inside the window before the set time, to ring: at the latest good moment.

Every second it is put together what is known of the sleeper: the stager's probabilities, now and over the last hour,
and how sure they are; how the body moved; how the breathing changed; whether REM sleep has just ended.  From that a
policy works out two worths, +1 for light sleep or wake, 0 for REM and -1 for deep sleep: that of this moment, and that
of the moment at the set time.  It rings where this moment is worth so much more that it pays for the minutes given up.
So less and less will do toward the set time, and less where the sleep is unlikely to stay light.

A policy is trained on simulated nights as the shipped stager sees them, errors included (models/training/waking.py):
a rule made for known stages waits for a certainty that never comes.  Whatever is missing or in doubt means the set
time: no stages, nobody there, somebody else, a break of the signal, a short night, a policy made for another model.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from appliance.presence import Presence
from appliance.respiration import Breathing
from appliance.sensing import Finding, StagedEpoch
from appliance.tracking import PrimaryUser
from models.contract import EPOCH_S, SleepStage, StageEstimate
from models.features import FEATURE_NAMES, unpack

POLICY_FORMAT = "firstlight-waking"
POLICY_VERSION = 1
MOVING = 0.5  # motion index of a second from which on the body moved
MEMORIES_MIN = (1.5, 5.0, 20.0, 60.0)  # of running means
LEAST_EPOCHS = 10  # in a row, until a running mean is more than its first values
FRESH_S = EPOCH_S + 5.0  # an estimate older than this, counted from its epoch's end, says nothing of now
LATE_S = 3.0  # and neither does a second
MOVED_S = (5, 30, 300)
SURE = 0.02  # least probability inside a logarithm
BREATHING = ("rate_60_vs_600", "interval_cv_60_vs_600", "amplitude_60_vs_600")
EVIDENCE = (
    *(f"log_{stage}" for stage in ("wake", "light", "deep", "rem")),  # ln(p + SURE) of the last epoch
    *(f"{stage}_{minutes:g}_min" for minutes in MEMORIES_MIN for stage in ("wake", "deep", "rem")),  # running means
    "uncertainty",  # entropy of the last epoch's probabilities, nats
    "rem_ended",  # how far REM has fallen below its running mean of 5 min
    "hours",  # since the night began, as the stager is told it
    *(f"moved_{seconds}_s" for seconds in MOVED_S),  # ln(1 + seconds that moved) of the last ones
    "still",  # ln(1 + seconds since the body moved / 10)
    "moved_in_rem",  # moved_5_s times the probability of REM: a twitch, or its end
    "moved_in_deep",
    *(f"{name}_size" for name in BREATHING),  # of the last minute against the last ten
)
GOOD, REM, DEEP = range(3)  # what a moment can be: light sleep or wake, REM sleep, deep sleep
_BREATHING_AT = tuple(FEATURE_NAMES.index(name) for name in BREATHING)
_HOURS_AT = FEATURE_NAMES.index("hours")
NO_MOMENT = "no better moment came before"
_KINDS = (SleepStage.WAKE, SleepStage.DEEP, SleepStage.REM)
_REM_ENDED = 0.25  # from which on the reason says so
_BREATHING_CHANGED = 1.0  # in typical spreads of that feature


class PolicyError(Exception):
    """The policy cannot be used; the message is one line that says why and what to do."""


class Moment(NamedTuple):
    """What a moment is likely to be; the three add up to 1."""

    good: float  # light sleep or wake
    rem: float
    deep: float

    @property
    def worth(self) -> float:
        """+1 for light sleep or wake, 0 for REM, -1 for deep sleep."""
        return self.good - self.deep


class Decision(NamedTuple):
    """Ring now, or not; and in words why."""

    ring: bool
    reason: str
    moment: Moment | None = None  # None in doubt
    least: float | None = None  # the worth that would do


@dataclass(frozen=True, slots=True)
class WakingPolicy:
    """The numbers of a policy file; weights are for evidence less its mean, in units of its spread."""

    name: str
    version: str
    model_sha256: str  # of the stager that it was trained behind
    means: tuple[float, ...]  # (len(EVIDENCE),)
    spreads: tuple[float, ...]
    now: tuple[tuple[float, ...], ...]  # GOOD, REM and DEEP: a bias and a weight for each piece of evidence
    fades_min: tuple[float, ...]  # what is true now fades so fast with the time left
    later: tuple[tuple[float, ...], ...]  # as ``now``: what does not fade, and what does, in the order of ``fades_min``
    minute: float  # worth of a minute of sleep
    margin: float  # by which this moment must be better than the set time
    most_deep: float  # probability of deep sleep from which a moment is never good
    least_sleep_h: float  # that must have been seen before there is anything to decide

    @classmethod
    def parse(cls, text: str, model_sha256: str) -> WakingPolicy:
        """Read a policy file for the stager with this hash.  Raises PolicyError in one line."""
        try:
            fields: dict[str, Any] = json.loads(text)
            if fields["format"] != POLICY_FORMAT or fields["format_version"] != POLICY_VERSION:
                raise PolicyError(f"its format is not {POLICY_FORMAT} {POLICY_VERSION}; update the box")
            if tuple(one["name"] for one in fields["evidence"]) != EVIDENCE:
                raise PolicyError("made for other evidence than this program has; update both")
            policy = cls(
                name=str(fields["name"]),
                version=str(fields["version"]),
                model_sha256=str(fields["model"]["sha256"]),
                means=tuple(float(one["mean"]) for one in fields["evidence"]),
                spreads=tuple(float(one["spread"]) for one in fields["evidence"]),
                now=_rows(fields["now"]),
                fades_min=tuple(map(float, fields["fades_min"])),
                later=_rows(fields["later"]),
                minute=float(fields["minute"]),
                margin=float(fields["margin"]),
                most_deep=float(fields["most_deep"]),
                least_sleep_h=float(fields["least_sleep_h"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise PolicyError(f"not a waking policy ({type(error).__name__}: {error}); install it again") from None
        if not policy._is_sound():
            raise PolicyError("its numbers are not those of a waking policy; install it again")
        if policy.model_sha256 != model_sha256:
            raise PolicyError("made for another stager than the one in use; install both again")
        return policy

    def moment(self, evidence: Sequence[float]) -> Moment:
        """What this moment is: a softmax of three weighted sums."""
        sums = [self._sum(row, evidence) for row in self.now]
        odds = [math.exp(s - max(sums)) for s in sums]
        return Moment(*(odd / sum(odds) for odd in odds))

    def at_the_set_time(self, evidence: Sequence[float], left_s: float) -> float:
        """The worth to be expected of the moment at the set time."""
        faded = (1.0, *(math.exp(-left_s / (60.0 * fade)) for fade in self.fades_min))
        worth = sum(share * self._sum(row, evidence) for share, row in zip(faded, self.later, strict=True))
        return min(max(worth, -1.0), 1.0)

    def least(self, evidence: Sequence[float], left_s: float) -> float:
        """The worth from which this moment is better than the set time, minutes given up included."""
        return self.at_the_set_time(evidence, left_s) + self.margin + self.minute * left_s / 60.0

    def _sum(self, row: Sequence[float], evidence: Sequence[float]) -> float:
        usual = zip(row[1:], evidence, self.means, self.spreads, strict=True)
        return row[0] + sum(weight * (value - mean) / spread for weight, value, mean, spread in usual)

    def _is_sound(self) -> bool:
        rows = (*self.now, *self.later)
        numbers = [*self.means, *self.spreads, *self.fades_min, *(number for row in rows for number in row)]
        limits = (self.minute, self.margin, self.most_deep, self.least_sleep_h)
        return (
            len(self.now) == 3
            and len(self.later) == 1 + len(self.fades_min)
            and all(len(row) == 1 + len(EVIDENCE) for row in rows)
            and all(map(math.isfinite, (*numbers, *limits)))
            and all(number > 0.0 for number in (*self.spreads, *self.fades_min))
            and all(limit >= 0.0 for limit in limits)
        )


def _rows(rows: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in rows)


class Sleeper:
    """What is remembered of the sleeper for the decision: the night so far as running means; constant memory."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The night is over, or nothing is looked at any more."""
        self._p: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
        self._means = [[0.0] * len(_KINDS) for _ in MEMORIES_MIN]
        self._count = 0
        self._hours = 0.0
        self._breathing = (0.0,) * len(BREATHING)
        self._asleep_s = 0
        self._moved: deque[bool] = deque(maxlen=MOVED_S[-1])
        self._moved_s = 0  # of these
        self._still_s = 0
        self.lose()

    def lose(self) -> None:
        """The sleeper is not there, or not told from somebody else: what was known holds no more for this moment."""
        self._ended_s = -math.inf  # the last epoch
        self._second_s = -math.inf
        self._is_known = False  # whether the last second could be seen

    def epoch(self, estimate: StageEstimate, features: Sequence[float] | None) -> None:
        """An epoch of the sleeper was staged; ``features`` are the stager's, None where it had none."""
        if estimate.probabilities is None or features is None:
            self._ended_s = -math.inf
            return
        self._p, self._ended_s = estimate.probabilities, estimate.start_s + EPOCH_S
        self._count += 1
        self._asleep_s += EPOCH_S * (estimate.stage is not SleepStage.WAKE)
        for mean, minutes in zip(self._means, MEMORIES_MIN, strict=True):
            share = max(1.0 / self._count, EPOCH_S / 60.0 / minutes)
            for k, stage in enumerate(_KINDS):
                mean[k] += share * (self._p[stage] - mean[k])
        self._hours = float(features[_HOURS_AT])
        sizes = (abs(float(features[k])) for k in _BREATHING_AT)
        self._breathing = tuple(size if size == size else 0.0 for size in sizes)

    def second(self, t_s: float, motion: float) -> None:
        """A second ended at ``t_s``, in which the motion index was at most ``motion``; NaN unknown."""
        self._second_s, self._is_known = t_s, motion == motion
        moved = motion >= MOVING
        if len(self._moved) == MOVED_S[-1]:
            self._moved_s -= self._moved[0]
        self._moved.append(moved)
        self._moved_s += moved
        self._still_s = 0 if moved else self._still_s + 1

    def doubt(self, now_s: float, least_sleep_h: float) -> str | None:
        """Why nothing can be decided at ``now_s``; None where it can."""
        if not self._is_known or not now_s - self._second_s <= LATE_S:
            return "the radar did not see you"
        if self._second_s - self._ended_s > FRESH_S or self._count < LEAST_EPOCHS:
            return "your sleep stage was not known"
        if self._asleep_s < 3600.0 * least_sleep_h:
            return f"less than {least_sleep_h:g} h of your sleep was seen"
        return None

    def evidence(self) -> tuple[float, ...]:
        """What the policy weighs, in the order of EVIDENCE; it means something only where there is no doubt."""
        p, p_rem, p_deep = self._p, self._p[SleepStage.REM], self._p[SleepStage.DEEP]
        last = list(self._moved)[-MOVED_S[1] :]
        moved_5_s = math.log1p(sum(last[-MOVED_S[0] :]))
        return (
            *(math.log(one + SURE) for one in p),
            *(one for mean in self._means for one in mean),
            -sum(one * math.log(one) for one in p if one > 0.0),
            self.rem_ended,
            self._hours,
            moved_5_s,
            math.log1p(sum(last)),
            math.log1p(self._moved_s),
            math.log1p(self._still_s / 10.0),
            moved_5_s * p_rem,
            moved_5_s * p_deep,
            *self._breathing,
        )

    @property
    def rem_ended(self) -> float:
        """How far the probability of REM has fallen below its running mean of five minutes."""
        return max(self._means[1][2] - self._p[SleepStage.REM], 0.0)

    def event(self) -> str:
        """What speaks for waking now, in words."""
        if self._moved and any(list(self._moved)[-MOVED_S[0] :]):
            return "you moved"
        if self.rem_ended >= _REM_ENDED:
            return "REM sleep had just ended"
        if max(self._breathing) >= _BREATHING_CHANGED:
            return "your breathing changed"
        return "your sleep was light, and less likely to be so later"


def decide(policy: WakingPolicy, sleeper: Sleeper, now_s: float, left_s: float) -> Decision:
    """Whether to ring at ``now_s``, ``left_s`` before the set time; that the window is open, the alarm itself holds."""
    doubt = sleeper.doubt(now_s, policy.least_sleep_h)
    if doubt is not None:
        return Decision(False, doubt)
    evidence = sleeper.evidence()
    moment, least = policy.moment(evidence), policy.least(evidence, left_s)
    # What is no number compares as false, and so never rings.
    if moment.deep < policy.most_deep and moment.worth >= least:
        reason = f"a good moment: {sleeper.event()}; light sleep or wake was {100.0 * moment.good:.0f} % likely"
        return Decision(True, reason, moment, least)
    return Decision(False, NO_MOMENT, moment, least)


class SmartWindow:
    """Hears what sensing finds, and says when to ring."""

    def __init__(self, policy: WakingPolicy | None) -> None:
        """Without a policy it never does."""
        self._policy = policy
        self._sleeper = Sleeper()
        self._is_you = False
        self._is_new = False  # a second to decide on

    def hear(self, finding: Finding) -> None:
        """The next finding, in order of time."""
        match finding:
            case Presence() if not finding.present:
                self._sleeper.lose()
            case PrimaryUser():
                self._is_you = finding.is_primary
                if not self._is_you:
                    self._sleeper.lose()
            case Breathing() if self._is_you:
                self._sleeper.second(finding.t_s, finding.motion)
                self._is_new = True
            case StagedEpoch() if finding.primary.is_primary:
                features = None if finding.features is None else unpack(finding.features)
                self._sleeper.epoch(finding.estimate, None if features is None else features.tolist())

    def forget(self) -> None:
        """The night is over, or nothing is looked at any more."""
        self._sleeper.forget()
        self._is_new = False

    def take_second(self) -> bool:
        """Whether there is something new to decide on."""
        is_new, self._is_new = self._is_new, False
        return is_new and self._policy is not None

    def ring(self, now_s: float, left_s: float) -> str | None:
        """Why to ring now, ``left_s`` before the set time in an open window; None to wait."""
        if self._policy is None:
            return None
        decision = decide(self._policy, self._sleeper, now_s, left_s)
        return decision.reason if decision.ring else None

    def why_not_before(self, now_s: float) -> str:
        """Why no moment before the set time was taken, as it looks at the set time."""
        if self._policy is None:
            return "good moments could not be judged"
        return self._sleeper.doubt(now_s, self._policy.least_sleep_h) or NO_MOMENT
