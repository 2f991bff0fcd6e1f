"""The caption presets, one in each module."""
