"""The `render` command: one module for each group of its commands, and what they share."""
