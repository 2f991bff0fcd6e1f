"""Draws layers: texts, pictures and shapes in their boxes, blended over frames."""
