# Generated from render_client/aio by `make generate`; do not edit.
"""Methods of the client for brand kits."""

from __future__ import annotations

from render_client.sync.connection import Connection
from render_client.v1 import brand_service_pb2 as pb


class SyncBrandMethods(Connection):
    """Methods of the client for brand kits."""

    def create_brand_kit(self, brand_kit: pb.BrandKit) -> pb.BrandKit:
        """Store a new brand kit, which projects can name.

        Raises:
            AlreadyExistsError: If the workspace already has a kit with this name (`BRAND_KIT_EXISTS`).
        """
        request = self._requests.create_brand_kit(brand_kit)
        return (self._call(self._brands.CreateBrandKit, request, repeatable=False)).brand_kit

    def get_brand_kit(self, name: str) -> pb.BrandKit:
        """Return a brand kit."""
        return (self._call(self._brands.GetBrandKit, self._requests.get_brand_kit(name))).brand_kit

    def update_brand_kit(self, brand_kit: pb.BrandKit) -> pb.BrandKit:
        """Replace the brand kit of this name. With an etag, fails if the kit has changed since."""
        request = self._requests.update_brand_kit(brand_kit)
        return (self._call(self._brands.UpdateBrandKit, request, repeatable=False)).brand_kit

    def list_brand_kits(self) -> tuple[pb.BrandKit, ...]:
        """Return all brand kits of the workspace in the order of their names."""
        return tuple((self._call(self._brands.ListBrandKits, self._requests.list_brand_kits())).brand_kits)

    def delete_brand_kit(self, name: str) -> None:
        """Delete a brand kit. Jobs already started are not affected."""
        self._call(self._brands.DeleteBrandKit, self._requests.delete_brand_kit(name), repeatable=False)
