"""Runs one job from claim to video record: the only room that knows all the steps."""
