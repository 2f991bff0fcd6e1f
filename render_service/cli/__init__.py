"""The command `render-service`: one module for each group of its commands."""
