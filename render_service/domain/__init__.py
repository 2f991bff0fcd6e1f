"""The rules of rendering: projects, outputs, timelines, jobs and errors. No I/O, no imports of other packages."""
