"""Runs one job from claim to video record: the only package that knows all the steps."""
