"""Nights out: as tables (CSV), as named intervals (JSON), as a recording that sleep software opens (EDF+)."""
