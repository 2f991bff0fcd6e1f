"""Generated from proto/render/v1 by `make generate`; do not edit."""
