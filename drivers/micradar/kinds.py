"""Names of Micradar messages by control and command word (R60ABD1 manual V3.4; DFRobot_HumanDetection for the C1001).

Units stand in the names: _cm, _pct, _min, _bpm (heartbeats), _brpm (breaths a minute).
"""

from __future__ import annotations

OTA_CONTROL, MOUNTING_CONTROL, FALL_CONTROL = 0x03, 0x06, 0x83

HEARTBEAT, RESET = (0x01, 0x01), (0x01, 0x02)
PRODUCT_MODEL, FIRMWARE, WORK_MODE = (0x02, 0x01), (0x02, 0x04), (0x02, 0x08)
INITIALISED = (0x05, 0x01)
PRESENCE_SWITCH, PRESENCE, MOTION_STATE = (0x80, 0x00), (0x80, 0x01), (0x80, 0x02)
BODY_MOVEMENT, DISTANCE, POSITION = (0x80, 0x03), (0x80, 0x04), (0x80, 0x05)
BREATH_SWITCH, BREATH_RATE, BREATH_WAVE, BREATH_WAVE_SWITCH = (0x81, 0x00), (0x81, 0x02), (0x81, 0x05), (0x81, 0x0C)
HEART_SWITCH, HEART_RATE, HEART_WAVE, HEART_WAVE_SWITCH = (0x85, 0x00), (0x85, 0x02), (0x85, 0x05), (0x85, 0x0A)
SLEEP_SWITCH, BED_STATE, SLEEP_OVERVIEW, SLEEP_STATISTICS = (0x84, 0x00), (0x84, 0x01), (0x84, 0x0C), (0x84, 0x0D)
REPORT_MODE = (0x84, 0x0F)

KINDS: dict[tuple[int, int], str] = {
    HEARTBEAT: "heartbeat",
    RESET: "reset",
    (0x01, 0x03): "led_switch",
    (0x01, 0x04): "led_switch",
    PRODUCT_MODEL: "product_model",
    (0x02, 0x02): "product_id",
    (0x02, 0x03): "hardware_model",
    FIRMWARE: "firmware_version",
    WORK_MODE: "work_mode",
    INITIALISED: "initialised",
    (0x07, 0x07): "in_range",
    PRESENCE_SWITCH: "presence_switch",
    PRESENCE: "presence",
    MOTION_STATE: "motion_state",
    BODY_MOVEMENT: "body_movement_pct",
    DISTANCE: "distance_cm",
    POSITION: "position_cm",
    BREATH_SWITCH: "breath_switch",
    (0x81, 0x01): "breath_state",
    BREATH_RATE: "breath_rate_brpm",
    BREATH_WAVE: "breath_wave",
    (0x81, 0x0B): "low_breath_limit_brpm",
    BREATH_WAVE_SWITCH: "breath_wave_switch",
    HEART_SWITCH: "heart_switch",
    HEART_RATE: "heart_bpm",
    HEART_WAVE: "heart_wave",
    HEART_WAVE_SWITCH: "heart_wave_switch",
    SLEEP_SWITCH: "sleep_switch",
    BED_STATE: "bed_state",
    (0x84, 0x02): "sleep_state",
    (0x84, 0x03): "awake_min",
    (0x84, 0x04): "light_min",
    (0x84, 0x05): "deep_min",
    (0x84, 0x06): "sleep_score",
    SLEEP_OVERVIEW: "sleep_overview",
    SLEEP_STATISTICS: "sleep_statistics",
    (0x84, 0x0E): "sleep_abnormality",
    REPORT_MODE: "set_report_mode",
    (0x84, 0x10): "sleep_rating",
    (0x84, 0x11): "struggle_alarm",
    (0x84, 0x12): "nobody_alarm",
    (0x84, 0x13): "struggle_switch",
    (0x84, 0x14): "nobody_switch",
    (0x84, 0x15): "nobody_limit_min",
    (0x84, 0x16): "sleep_end_min",
    (0x84, 0x1A): "struggle_sensitivity",
}
_CONTROLS = {OTA_CONTROL: "ota", MOUNTING_CONTROL: "mounting", FALL_CONTROL: "fall"}

# A query and its reply carry the report's command | 0x80, but for these.
_QUERIES = {
    **{(0x02, 0xA0 | command): (0x02, command) for command in (0x01, 0x02, 0x03, 0x04, 0x08)},
    (0x84, 0x8D): SLEEP_OVERVIEW,
    (0x84, 0x8F): SLEEP_STATISTICS,
    (0x84, 0x8C): REPORT_MODE,
}
_COMMAND_OF = {message: (control, command) for (control, command), message in _QUERIES.items()}


def message_of(control: int, command: int) -> tuple[int, int]:
    """The message that a frame carries, asks for or answers with: (84, 8C) is about (84, 0F)."""
    if not command & 0x80:
        return control, command
    return _QUERIES.get((control, command), (control, command & 0x7F))


def query_command(message: tuple[int, int]) -> tuple[int, int]:
    """Control and command word of the query for a message."""
    return _COMMAND_OF.get(message, (message[0], message[1] | 0x80))


def kind_of(control: int, command: int) -> str | None:
    """The name of a frame's message; None where no document tells of it."""
    return KINDS.get(message_of(control, command)) or _CONTROLS.get(control)
