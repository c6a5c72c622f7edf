"""Every number of the simulated sleeper, each with its unit and where it comes from, in one table.

Five values are by stage in the order W, N1, N2, N3, R.  ``variant`` holds other effect sizes: a sleeper that nothing is
trained on, so that models can be chosen on it (choosing on the sleeper that trained them picks the wrong ones).
Sources marked "assumed" have no primary measurement; "digitised" was read off a figure.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE_HZ = 20  # of every simulated signal: fast enough for a 20 mm sigh at 60 GHz not to alias


class Law(NamedTuple):
    """One parameter: its values, unit and source, and the values of the variant sleeper where they differ."""

    values: tuple[float, ...]
    unit: str
    source: str
    variant: tuple[float, ...] | None = None


_NATARAJAN = "Natarajan 2021 npj Digit Med (10 000 people)"
_MESA_CV = "MESA thoracic RIP, robust CV over 270 s, mad-lab-fau/sleep_analysis feature validation (digitised)"
_MILLMAN = "Millman 1988 J Appl Physiol"
_IBRAHIM = "Ibrahim 2023 PMC10424171 (100 healthy sleepers)"
_SKARPSNO = "Skarpsno 2017 Nat Sci Sleep S145777 (664 workers)"
_FITTED = "fitted to the distributions of unlabelled belt nights, figshare 26013157"
_SIGH = "Perez-Padilla 1983 Sleep 6:234: 1.66 an hour, most in N1; split by stage assumed"
_REM = "phasic share and bout lengths as commonly reported; exact values assumed"
_OSA = "MESA event lengths (Borker 2021): hypopnoea 21.7 s, apnoea 23.9 s; REM against NREM PMC10372281"
_RADAR = "assumed from De Groote 1997, Kaneko 2012 and 60 GHz geometry"

TABLE: dict[str, Law] = {
    # Breathing rate
    "rate_brpm": Law((15.4, 2.25), "1/min mean, sd", _NATARAJAN),
    "rate_range_brpm": Law((9.0, 23.0), "1/min", _NATARAJAN + ", truncated"),
    "rate_woman_brpm": Law((0.7,), "1/min", _NATARAJAN + ": direction; size assumed"),
    "rate_decade_brpm": Law((-0.1,), "1/min per decade", _NATARAJAN + ": direction; size assumed"),
    "rate_night_sd_ln": Law((0.04,), "ln", _NATARAJAN + ": nights of one person, CV median 4 %"),
    "rate_stage": Law(
        (1.05, 1.00, 1.00, 0.97, 1.05),
        "ratio to NREM",
        "Bartsch and Penzel PMC5078504 Table 1, rounded",
        (0.98, 1.00, 1.00, 1.00, 1.02),
    ),
    "rate_stage_sd_ln": Law((0.045,), "ln", "assumed: one person in four has N3 faster than REM"),
    "rate_evening_ln": Law((0.13, 0.06, 4000.0), "ln mean, sd, s", _FITTED + ": faster at first, falls in an hour"),
    "rate_wander_ln": Law(
        (0.055, 0.35, 900.0), "ln, sd ln between people, s", _FITTED + ": within a night over ten minutes to an hour"
    ),
    "rate_wander_awake": Law((1.6,), "times", _FITTED),
    # Interval variability and its correlation
    "interval_cv": Law(
        (0.16, 0.11, 0.070, 0.048, 0.125),
        "robust CV, 270 s",
        _MESA_CV + ", scaled down for healthy young people (assumed)",
        (0.19, 0.10, 0.075, 0.060, 0.110),
    ),
    "interval_cv_old": Law((0.152, 0.116, 0.078, 0.060, 0.125), "robust CV, 270 s", _MESA_CV + ", 54-95 y"),
    "interval_person_sd_ln": Law((0.25,), "ln", "assumed: half of the spread of " + _MESA_CV),
    "interval_window_sd_ln": Law((0.70, 0.35, 0.30, 0.25, 0.22), "ln", "the rest of the spread of " + _MESA_CV),
    "interval_window_tau_s": Law((420.0,), "s", "assumed"),
    "interval_slow_sd_ln": Law((0.03, 0.02, 0.02, 0.02, 0.03), "ln", "assumed"),
    "interval_slow_tau_s": Law((240.0,), "s", "assumed: 3-5 min"),
    "interval_long_range": Law(
        (0.80, 0.40, 0.0, 0.0, 0.85),
        "share of variance with 1/f spectrum",
        "Kantelhardt 2003, Rostig 2005: long-range correlation in REM and wake, none in NREM; size assumed",
        (0.60, 0.30, 0.1, 0.0, 0.65),
    ),
    # Depth and timing
    "tidal_volume": Law((1.0, 0.86, 0.84, 0.83, 0.73), "of wake", "Douglas 1982 Thorax 37:840; Krieger 1990"),
    "amplitude_cv": Law(
        (0.21, 0.115, 0.09, 0.072, 0.11),
        "CV",
        "Tobin 1988 for wake; else assumed, contrast halved to fit real belts; REM without its bursts",
        (0.18, 0.105, 0.095, 0.085, 0.10),
    ),
    "amplitude_spread_sd_ln": Law((0.35, 1.40), "ln, of a night, of minutes", _FITTED),
    "amplitude_ar": Law((0.25,), "lag-1", "Modarreszadeh 1990: .2-.3 in stage 2"),
    "amplitude_slow": Law((0.10, 150.0), "ln, s", _FITTED),
    "rib_share": Law((0.50, 0.54, 0.54, 0.52, 0.33), "of tidal volume", _MILLMAN + "; REM is its tonic part"),
    "rib_share_sd": Law((0.055,), "of tidal volume", _MILLMAN),
    "inspired_share": Law((0.42, 0.42, 0.42, 0.43, 0.40), "Ti/Ttot", "Tabachnik 1981, Douglas 1982: .40-.45"),
    "pause_share": Law((0.02, 0.06, 0.10, 0.12, 0.02), "of Ttot", "assumed: pause 0-25 % in N2 and N3"),
    "expiration_tau_s": Law((0.5, 0.8), "s, range", "passive emptying of the lung; assumed"),
    # Sighs, pauses, apnoea
    "sighs": Law((8.0, 5.0, 1.6, 0.7, 1.3), "1/h", _SIGH, (6.0, 3.0, 2.0, 1.5, 2.0)),
    "sigh_size": Law((2.0, 3.0), "times, range", "definition in Perez-Padilla 1983: at least twice the depth"),
    "sigh_moves": Law((0.3,), "probability", "Perez-Padilla 1983: 64 % with arousal; with movement assumed half"),
    "sigh_pause": Law((0.3, 3.0, 8.0), "probability, s range", "assumed"),
    "phasic": Law((8.0, 30.0), "s bout, s gap", _REM, (6.0, 40.0)),
    "phasic_depth": Law((0.4, 0.8), "times, range", _MILLMAN + ": depth falls with eye movements", (0.5, 0.9)),
    "phasic_rate": Law((0.9, 1.2), "times, range", "Aserinsky 1965: slightly faster in flurries"),
    "phasic_paradox": Law((0.3,), "probability", _MILLMAN + ": asynchrony up to paradox"),
    "phasic_pause": Law(
        (0.03, 3.0, 8.0), "probability, s range", "assumed; rare enough for the intervals of real belts"
    ),
    "periodic": Law(
        (30.8, 0.10), "s cycle, depth", "breath-by-breath study of sleep onset (186 cycles); depth assumed"
    ),
    "ahi_ln": Law((0.53, 1.4), "ln 1/h mean, sd", "Mitterling 2015 PMC4434553: median 1.7, 8 % above 15"),
    "ahi_patient": Law(
        (0.12, 30.0, 0.5), "share, 1/h median, sd ln", "assumed: patients, who are most of many corpora; severe from 30"
    ),
    "ahi_decade": Law((1.2,), "1/h per decade", "Boulos 2019"),
    "apnoea_stage": Law((0.0, 1.2, 0.9, 0.3, 1.6), "times AHI", _OSA),
    "apnoea_s": Law((22.5, 6.0, 10.0), "s mean, sd, least", _OSA),
    "apnoea_supine": Law(
        (1.6, 0.6), "times supine, else", "PMC10372281: 25.0 against 6.6 an hour, halved for mild cases"
    ),
    "arousal_breaths": Law((1.3, 1.8), "times, range", "PMID 9085501: hyperpnoea of three breaths; size assumed"),
    # Movement
    "moves": Law(
        (40.0, 13.0, 3.0, 0.8, 4.0),
        "1/h, large",
        _IBRAHIM + ": 6.8 an hour of sleep with those of awakenings; order Wilde-Frenz 1983; split assumed",
        (55.0, 10.0, 2.8, 1.4, 5.2),
    ),
    "moves_person_sd_ln": Law((0.60,), "ln", _IBRAHIM + ": quartiles 4.5-10.8, which are 1.3 sd apart"),
    "moves_cluster": Law((0.4, 40.0), "probability, s", "assumed: 40 % of gaps are short"),
    "move_s": Law((9.0, 0.75), "s median, sd ln", _IBRAHIM + ": mean 12.4 s"),
    "move_shift": Law((0.24,), "share", _SKARPSNO + ": 1.6 position shifts an hour"),
    "move_at_waking": Law((0.9,), "probability", "assumed"),
    "move_at_rem_end": Law((0.6,), "probability", "assumed"),
    "move_before_deep": Law((0.3, 300.0), "times, s", "ten men over 9-11 nights: last move 5 min before N3"),
    "twitches": Law((40.0, 8.0, 2.0, 0.7, 8.0), "1/h", "assumed; under 1 s and 3 mm at the chest"),
    "restless_sd_ln": Law((0.8,), "ln, between wake bouts", "assumed: actigraphy in MESA wake spans 2.5-38 counts"),
    "restless_ln": Law((0.3, 0.5), "ln mean, sd between people", "assumed: MESA wake has 17 times the counts of N2"),
    "posture": Law((0.375, 0.27, 0.27, 0.085), "back, left, right, front", _SKARPSNO),
    # Awake in bed: sit, read, phone, television, lie, try to sleep
    "awake_moves": Law((20.0, 40.0, 20.0, 20.0, 25.0, 25.0, 60.0), "1/h", "assumed"),
    "awake_small": Law((3.0, 4.5, 27.0, 3.0, 2.0, 1.5, 20.0), "1/min", "assumed; page turns, thumb and arm of a phone"),
    "awake_cv": Law((0.19, 0.175, 0.20, 0.22, 0.16, 0.15, 0.35), "robust CV", "assumed; Tobin 1988 for quiet wake"),
    "talking": Law((0.72, 0.22), "times the rate, Ti/Ttot", "assumed: 8-14 a minute, in fast and out long"),
    "settling_min": Law((8.0,), "min", "assumed: moves fall with 6-10 min once trying to sleep"),
    # Sleep
    "trait_sd_ln": Law(
        (0.30, 0.28, 0.28), "ln, into wake, N1, N3", "fitted: spread between nights of Sleep-EDF and DOD-H"
    ),
    # The plan of an evening
    "sol_min": Law(
        (12.0, 0.85), "min median, sd ln", "MASS, Sleep-EDF ST and DOD-H recordings, computed; assumed for home"
    ),
    "pre_intent": Law((0.35, 15.0, 0.9), "share without, min median, sd ln", "Ellis 1995; assumed"),
    "pre_intent_what": Law(
        (0.4, 0.35, 0.15, 0.1), "read, phone, television, lie", "Ellis 1995: 49 % read; else assumed"
    ),
    "bathroom": Law((0.15, 0.35, 0.60), "a night at 20-39, 40-59, 60+ y", "NHANES nocturia, typical night; assumed"),
    "bathroom_again": Law((0.05, 0.12, 0.30), "a night at 20-39, 40-59, 60+ y", "assumed"),
    "absence_min": Law((3.5, 0.4), "min median, sd ln", "assumed"),
    "back_asleep_min": Law((3.0, 20.0), "min, log-uniform", "assumed"),
    "lie_in_min": Law((6.0, 0.9), "min median, sd ln", "assumed: awake before getting up"),
    # The body and the radar that looks at it
    "chest_mm": Law((5.0, 1.5), "mm peak to peak, sd", _RADAR),
    "belly_mm": Law((6.0, 2.0), "mm peak to peak, sd", _RADAR),
    "lateral_m": Law((0.4, 0.75), "m to the side, range", _RADAR),
    "height_m": Law((0.2, 0.5), "m above the chest, range", _RADAR),
    "facing": Law((1.0, 1.0, 0.24, 0.4), "back (times height/range), towards, away, front", _RADAR),
    "scatter_gain": Law(
        (0.4, 1.0), "times, range", "assumed: chest, belly, shoulder and bedding add as phasors", (0.3, 1.0)
    ),
    "harmonic": Law((0.0, 0.2), "of amplitude, range", "assumed: second harmonic of the same mixture"),
    "flip": Law((0.25,), "probability per move", "assumed: another scatterer becomes the strongest"),
    "hop_min": Law((12.0,), "min between", "assumed: another range bin every 5-20 min"),
    "sway_mm": Law((0.08, 0.20), "mm, range", "assumed"),
    "sway_tau_s": Law((20.0,), "s", "assumed"),
    "drift_um": Law((20.0,), "um/sqrt(Hz) at 0.1 Hz", "assumed residual 1/f phase noise", (35.0,)),
    "noise_mm": Law((0.005, 0.03), "mm at 20 Hz, range", "link budget gives 0.1-3 um; multipath assumed"),
    "blanket": Law((0.05, 0.15), "slow gain jitter, range", "assumed; PMC11314943 shows that blankets pass"),
    "heart_bpm": Law((62.0, 7.0), "1/min, sd", "adult resting night heart rate; sd assumed"),
    "heart_mm": Law((0.15, 0.40), "mm peak to peak, range", "assumed; .1-.5 mm commonly quoted"),
    "airflow": Law((0.25,), "share of belt nights", "many corpora hold airflow and no belt; share assumed"),
    "belt_gain_ln": Law((0.50, 0.12), "ln, after a shift, after another large move", _FITTED),
    "belt_slide_ln": Law((0.12, 1800.0), "ln, s", _FITTED + ": gain that creeps"),
    "belt_noise_mm": Law((0.01, 0.10), "mm at 20 Hz, log range", _FITTED),
    "belt_heart_mm": Law((0.0, 0.12), "mm peak to peak, range", "assumed: the heart lifts a chest belt a little"),
    "belt_clip_mm": Law((0.15, 5.0, 15.0), "share of nights, mm range", "assumed: amplifiers have rails"),
    "belt_hz": Law((10.0, 10.0, 10.0, 2.0), "Hz, one of", "figshare 26013157: 10; slpdb chest volume as kept here: 2"),
    "airflow_hz": Law((10.0, 1.0), "Hz, one of", "Sleep-EDF SC airflow: 1; others assumed"),
    "belt_move_mm": Law((5.0, 25.0), "mm of a belt, range", "assumed: a few breaths"),
    "belt_step_mm": Law((25.0, 12.0), "mm sd, s", _FITTED + ": a large move leaves the belt elsewhere, it comes back"),
    "belt_small_mm": Law((3.0, 20.0), "mm of a belt, range", _FITTED),
    "move_mm": Law((50.0, 300.0), "mm at the chest, range", "assumed"),
    "small_mm": Law((0.5, 3.0), "mm, range", "assumed"),
    "empty_um": Law((15.0,), "um, empty room", "assumed"),
}


class Parameters:
    """The table, read by name.  ``variant`` swaps in the effect sizes that nothing is trained on."""

    def __init__(self, variant: bool = False) -> None:
        self.variant = variant

    def all(self, name: str) -> tuple[float, ...]:
        """Every value of one law, in its own unit."""
        law = TABLE[name]
        return law.variant if self.variant and law.variant is not None else law.values

    def one(self, name: str) -> float:
        """The first, or only, value of one law."""
        return self.all(name)[0]

    def draw(self, name: str, rng: np.random.Generator) -> float:
        """A number between the two values of a range."""
        low, high = self.all(name)
        return float(rng.uniform(low, high))

    def by_stage(self, name: str) -> NDArray[np.float64]:
        """A copy of five values in the order W, N1, N2, N3, R."""
        return np.array(self.all(name), dtype=np.float64)
