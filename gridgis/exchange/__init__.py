"""Divisions in and out of other tools: what was drawn elsewhere comes in clean, what goes out comes back the same."""
