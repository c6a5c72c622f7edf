"""A night in words: a scenario file, the simulated night that comes of it, and that night as a module's wire bytes.

The file's form is described in tests/scenarios/alone.toml.  What is written is simulated or refused, never ignored.
"""

from appliance.scenario.before import scene_of, simulate_scenario
from appliance.scenario.wire import TRUTH_COLUMNS, truth_rows, wire_of, write_simulation
from appliance.scenario.words import Scenario, ScenarioError, load_scenario

__all__ = [
    "TRUTH_COLUMNS",
    "Scenario",
    "ScenarioError",
    "load_scenario",
    "scene_of",
    "simulate_scenario",
    "truth_rows",
    "wire_of",
    "write_simulation",
]
