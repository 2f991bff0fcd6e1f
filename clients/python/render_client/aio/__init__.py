"""The asyncio client. `make generate` generates `render_client.sync` from it, all but `primitives.py`."""

from render_client.aio.client import AsyncRenderClient

__all__ = ["AsyncRenderClient"]
