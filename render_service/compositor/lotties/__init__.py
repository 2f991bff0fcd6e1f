"""Lottie animations of callers: read within bounds, and drawn frame by frame at the size they are shown."""
