"""Draws single frames that servers ask for."""
