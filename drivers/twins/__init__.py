"""Every device, spoken from the other end of the wire: for demo, simulated nights and tests."""

from drivers.twins.acconeer import AcconeerTwin
from drivers.twins.micradar import MicradarTwin
from drivers.twins.scene import Body, Scene, Twin
from drivers.twins.tinyframe import TinyFrameTwin

__all__ = ["AcconeerTwin", "Body", "MicradarTwin", "Scene", "TinyFrameTwin", "Twin"]
