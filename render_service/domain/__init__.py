"""Pure rules of rendering: projects, outputs, timelines, jobs and their errors. Does no I/O, imports no other room."""
