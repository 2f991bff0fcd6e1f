"""The synchronous client, generated from `render_client.aio` by `make generate`, all but `primitives.py`."""

from render_client.sync.client import RenderClient

__all__ = ["RenderClient"]
