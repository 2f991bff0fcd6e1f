"""Speaks narrations through remote speech providers, each paid once."""
