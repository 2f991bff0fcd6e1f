"""The JSON Schema of project files (draft 2020-12): for completion, descriptions and checks in editors."""

from pathlib import Path

SCHEMA = Path(__file__).resolve().parent / "project.schema.json"
"""Its file, generated from the contract and its comments."""
