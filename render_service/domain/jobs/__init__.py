"""Jobs: their states, their results, and how long they are kept."""
