"""The wire side of BrandService."""

from render_client.v1 import brand_service_pb2 as pb
from render_client.v1 import brand_service_pb2_grpc

from render_service.db.brand.brand_kits import BrandKits
from render_service.domain.brand.kit import BrandKit
from render_service.domain.faults import Faults
from render_service.domain.projects.looks.references import kit_name_faults
from render_service.server.fonts.calls import FontCalls
from render_service.server.interceptors.authentication import current_origin
from render_service.server.interceptors.base import Context
from render_service.server.mapping.brand import kit_from_proto, kit_to_proto
from render_service.server.mapping.ids import workspace_field
from render_service.server.services.project_input import ProjectParser


class BrandServicer(brand_service_pb2_grpc.BrandServiceServicer):
    """Stores brand kits and fonts.

    Args:
        kits: The kits in Postgres.
        parser: Validates kits.
        fonts: Handles the calls about fonts.
    """

    def __init__(self, kits: BrandKits, parser: ProjectParser, fonts: FontCalls) -> None:
        self._fonts = fonts
        self._kits = kits
        self._parser = parser

    async def CreateBrandKit(self, request: pb.CreateBrandKitRequest, context: Context) -> pb.CreateBrandKitResponse:
        """Store a new kit."""
        kit = self._read(request)
        stored = await self._kits.create(request.workspace_id, kit, origin=current_origin())
        return pb.CreateBrandKitResponse(brand_kit=kit_to_proto(stored))

    async def GetBrandKit(self, request: pb.GetBrandKitRequest, context: Context) -> pb.GetBrandKitResponse:
        """Return a kit."""
        _check_name(request)
        stored = await self._kits.get(request.workspace_id, request.name)
        return pb.GetBrandKitResponse(brand_kit=kit_to_proto(stored))

    async def UpdateBrandKit(self, request: pb.UpdateBrandKitRequest, context: Context) -> pb.UpdateBrandKitResponse:
        """Replace a kit's content."""
        kit = self._read(request)
        stored = await self._kits.update(
            request.workspace_id, kit, etag=request.brand_kit.etag, origin=current_origin()
        )
        return pb.UpdateBrandKitResponse(brand_kit=kit_to_proto(stored))

    async def ListBrandKits(self, request: pb.ListBrandKitsRequest, context: Context) -> pb.ListBrandKitsResponse:
        """Return all kits of a workspace."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        faults.raise_if_any()
        found = await self._kits.list(request.workspace_id)
        return pb.ListBrandKitsResponse(brand_kits=[kit_to_proto(stored) for stored in found])

    async def DeleteBrandKit(self, request: pb.DeleteBrandKitRequest, context: Context) -> pb.DeleteBrandKitResponse:
        """Remove a kit."""
        _check_name(request)
        await self._kits.delete(request.workspace_id, request.name, origin=current_origin())
        return pb.DeleteBrandKitResponse()

    async def UploadFont(self, request: pb.UploadFontRequest, context: Context) -> pb.UploadFontResponse:
        """Check and store a font."""
        return await self._fonts.upload(request)

    async def GetFont(self, request: pb.GetFontRequest, context: Context) -> pb.GetFontResponse:
        """Return an uploaded font."""
        return await self._fonts.get(request)

    async def ListFonts(self, request: pb.ListFontsRequest, context: Context) -> pb.ListFontsResponse:
        """Return all fonts that texts can name."""
        return await self._fonts.list(request)

    async def DeleteFont(self, request: pb.DeleteFontRequest, context: Context) -> pb.DeleteFontResponse:
        """Delete an uploaded font."""
        return await self._fonts.delete(request)

    def _read(self, request: pb.CreateBrandKitRequest | pb.UpdateBrandKitRequest) -> BrandKit:
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        if not request.HasField("brand_kit"):
            faults.add("brand_kit", "is required")
        kit = kit_from_proto(request.brand_kit, "brand_kit", faults)
        self._parser.check_kit(kit, faults)
        faults.raise_if_any()
        return kit


def _check_name(request: pb.GetBrandKitRequest | pb.DeleteBrandKitRequest) -> None:
    faults = Faults()
    workspace_field(request.workspace_id, "workspace_id", faults)
    if not request.name:
        faults.add("name", "is required")
    faults.add_all(kit_name_faults(request.name, "name"))
    faults.raise_if_any()
