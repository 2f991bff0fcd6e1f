"""The Python client at the corners of the versions that it supports: `make corners`, and lightly in `make test`."""
