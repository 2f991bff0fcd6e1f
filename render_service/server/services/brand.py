"""The wire side of BrandService."""

from render_client.v1 import brand_service_pb2 as pb
from render_client.v1 import brand_service_pb2_grpc

from render_service.db.brand.brand_kits import BrandKits
from render_service.domain.brand.kit import BrandKit
from render_service.domain.faults import Faults
from render_service.domain.projects.looks.references import kit_name_faults
from render_service.server.interceptors.authentication import current_origin
from render_service.server.interceptors.base import Context
from render_service.server.mapping.brand import kit_from_proto, kit_to_proto
from render_service.server.mapping.ids import workspace_field
from render_service.server.services.project_input import ProjectParser


class BrandServicer(brand_service_pb2_grpc.BrandServiceServicer):
    """Stores brand kits.

    Args:
        kits: The kits in Postgres.
        parser: Validates kits.
    """

    def __init__(self, kits: BrandKits, parser: ProjectParser) -> None:
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
