"""The calls of BrandService that are about fonts."""

from contextlib import suppress
from uuid import uuid4

from render_client.v1 import brand_service_pb2 as pb

from render_service.db.brand.fonts import WorkspaceFonts
from render_service.domain.brand.fonts import CheckedFont, FontLicense, StoredFont
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.faults import Faults
from render_service.domain.layers.fonts import FONT_FAMILIES
from render_service.domain.layers.uploaded_fonts import family_name_fault
from render_service.fonts.checking import FontChecker
from render_service.server.interceptors.authentication import current_origin
from render_service.server.mapping.enums import EnumTable
from render_service.server.mapping.ids import uuid_field, workspace_field
from render_service.server.mapping.times import timestamp
from render_service.storage.keys import font_key
from render_service.storage.store import ObjectStore

_LICENSE = EnumTable(pb.FontLicense.DESCRIPTOR, FontLicense)
_CONTENT_TYPE = "font/sfnt"
_REFUSALS = (ErrorReason.FONT_EXISTS, ErrorReason.QUOTA_EXCEEDED)
"""After these it is certain that the font was not recorded."""


class FontCalls:
    """Uploads, lists and deletes fonts.

    Args:
        fonts: The fonts in Postgres.
        store: Holds their files.
        checker: Checks them.
        max_bytes: Size of the largest file.
    """

    def __init__(self, fonts: WorkspaceFonts, store: ObjectStore, checker: FontChecker, *, max_bytes: int) -> None:
        self._fonts = fonts
        self._store = store
        self._checker = checker
        self._max_bytes = max_bytes

    async def upload(self, request: pb.UploadFontRequest) -> pb.UploadFontResponse:
        """Check and store a font."""
        workspace_id = request.workspace_id
        faults = Faults()
        workspace_field(workspace_id, "workspace_id", faults)
        if request.family and (fault := family_name_fault(request.family)):
            faults.add("family", fault)
        if not request.content:
            faults.add("content", "is required")
        if len(request.content) > self._max_bytes:
            faults.add("content", f"must have at most {self._max_bytes:,} bytes, not {len(request.content):,}")
        faults.raise_if_any()
        font = await self._checker.check(workspace_id, request.content, request.family, "content")
        stored = await self._fonts.find_equal(workspace_id, font)
        if stored is None:
            stored = await self._create(workspace_id, font, replace=request.replace)
        elif await self._store.head(key := font_key(workspace_id, stored.sha256, stored.id)) is None:
            # The row of a font whose file was lost: uploading it again mends it.
            await self._store.put_bytes(key, font.content, content_type=_CONTENT_TYPE)
        return pb.UploadFontResponse(font=_message(stored), dropped_tables=font.dropped)

    async def _create(self, workspace_id: str, font: CheckedFont, *, replace: bool) -> StoredFont:
        font_id = uuid4()
        key = font_key(workspace_id, font.sha256, font_id)
        # First, so that no font is found whose file is not there yet. A file without a font is swept.
        await self._store.put_bytes(key, font.content, content_type=_CONTENT_TYPE)
        try:
            return await self._fonts.create(workspace_id, font_id, font, replace=replace, origin=current_origin())
        except DomainError as error:
            # After any other failure, such as a lost connection, the font may be recorded all the same.
            if error.reason in _REFUSALS:
                with suppress(DomainError):
                    await self._store.delete(key)
            raise

    async def get(self, request: pb.GetFontRequest) -> pb.GetFontResponse:
        """Return an uploaded font."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        font_id = uuid_field(request.font_id, "font_id", faults)
        faults.raise_if_any()
        return pb.GetFontResponse(font=_message(await self._fonts.get(request.workspace_id, font_id)))

    async def list(self, request: pb.ListFontsRequest) -> pb.ListFontsResponse:
        """Return the fonts of the service, then those of the workspace."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        faults.raise_if_any()
        own = [
            pb.Font(
                name=family.name,
                min_weight=weight,
                max_weight=weight,
                scripts=family.scripts,
                characters=family.characters,
            )
            for family in FONT_FAMILIES
            for weight in family.weights
        ]
        uploaded = await self._fonts.list(request.workspace_id)
        return pb.ListFontsResponse(fonts=[*own, *map(_message, uploaded)])

    async def delete(self, request: pb.DeleteFontRequest) -> pb.DeleteFontResponse:
        """Delete an uploaded font."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        font_id = uuid_field(request.font_id, "font_id", faults)
        faults.raise_if_any()
        await self._fonts.delete(request.workspace_id, font_id, origin=current_origin())
        return pb.DeleteFontResponse()


def _message(font: StoredFont) -> pb.Font:
    facts = font.facts
    return pb.Font(
        font_id=str(font.id),
        name=font.name,
        min_weight=facts.min_weight,
        max_weight=facts.max_weight,
        italic=facts.italic,
        scripts=facts.scripts,
        characters=facts.characters,
        license=_LICENSE.number(facts.license),
        sha256=font.sha256,
        size_bytes=font.size_bytes,
        create_time=timestamp(font.created),
    )
