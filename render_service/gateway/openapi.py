"""The OpenAPI document of the gateway, generated from the contract and its comments."""

from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent / "openapi.json"
"""Its file, OpenAPI 3.1 in JSON."""
