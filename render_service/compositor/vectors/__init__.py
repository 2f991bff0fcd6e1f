"""Pictures of lines and shapes: SVG documents of callers, read within bounds and drawn at the size they are shown."""
