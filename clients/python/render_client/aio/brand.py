"""Methods of the client for brand kits and fonts."""

from __future__ import annotations

from render_client.aio.connection import AsyncConnection
from render_client.v1 import brand_service_pb2 as pb

# The service reads every letter of a font: a large one of Chinese takes half a minute.
_UPLOAD_SECONDS = 120.0


class AsyncBrandMethods(AsyncConnection):
    """Methods of the client for brand kits and fonts."""

    async def create_brand_kit(self, brand_kit: pb.BrandKit) -> pb.BrandKit:
        """Store a new brand kit, which projects can name.

        Raises:
            AlreadyExistsError: If the workspace already has a kit with this name (`BRAND_KIT_EXISTS`).
        """
        request = self._requests.create_brand_kit(brand_kit)
        return (await self._call(self._brands.CreateBrandKit, request, repeatable=False)).brand_kit

    async def get_brand_kit(self, name: str) -> pb.BrandKit:
        """Return a brand kit."""
        return (await self._call(self._brands.GetBrandKit, self._requests.get_brand_kit(name))).brand_kit

    async def update_brand_kit(self, brand_kit: pb.BrandKit) -> pb.BrandKit:
        """Replace the brand kit of this name. With an etag, fails if the kit has changed since."""
        request = self._requests.update_brand_kit(brand_kit)
        return (await self._call(self._brands.UpdateBrandKit, request, repeatable=False)).brand_kit

    async def list_brand_kits(self) -> tuple[pb.BrandKit, ...]:
        """Return all brand kits of the workspace in the order of their names."""
        return tuple((await self._call(self._brands.ListBrandKits, self._requests.list_brand_kits())).brand_kits)

    async def delete_brand_kit(self, name: str) -> None:
        """Delete a brand kit. Jobs already started are not affected."""
        await self._call(self._brands.DeleteBrandKit, self._requests.delete_brand_kit(name), repeatable=False)

    async def upload_font(self, content: bytes, *, family: str = "", replace: bool = False) -> pb.Font:
        """Upload a font file, and return the font, whose `name` texts use.

        Args:
            content: A TTF or OTF file.
            family: Name of its family; if empty, the name in the file.
            replace: Whether to replace the font of the family that has the same weights and slant.

        Raises:
            InvalidRequestError: If the font is refused; the field fault of `content` says why.
            AlreadyExistsError: If there is another such font and `replace` is not set (`FONT_EXISTS`).
        """
        request = self._requests.upload_font(content, family, replace=replace)
        return (await self._call(self._brands.UploadFont, request, at_least=_UPLOAD_SECONDS)).font

    async def get_font(self, font_id: str) -> pb.Font:
        """Return an uploaded font."""
        return (await self._call(self._brands.GetFont, self._requests.get_font(font_id))).font

    async def list_fonts(self) -> tuple[pb.Font, ...]:
        """Return all fonts that texts can name: those of the service, then the uploaded ones."""
        return tuple((await self._call(self._brands.ListFonts, self._requests.list_fonts())).fonts)

    async def delete_font(self, font_id: str) -> None:
        """Delete an uploaded font. Jobs already started keep it."""
        await self._call(self._brands.DeleteFont, self._requests.delete_font(font_id), repeatable=False)
