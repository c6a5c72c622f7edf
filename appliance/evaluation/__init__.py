"""A device judged against a sleep laboratory or a diary: the standardised framework of Menghini et al. 2021."""

from __future__ import annotations
