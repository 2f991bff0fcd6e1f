"""The brand kits of the fake service, stored in memory."""

from collections.abc import Callable

import grpc
from google.protobuf.message import Message
from render_client.v1 import brand_service_pb2 as pb
from render_client.v1.brand_service_pb2_grpc import BrandServiceServicer
from typing_extensions import override

Admit = Callable[[str, Message, grpc.ServicerContext], None]


class FakeBrands(BrandServiceServicer):
    """Brand kits in memory.

    Attributes:
        kits: By name.
    """

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self.kits: dict[str, pb.BrandKit] = {}

    @override
    def CreateBrandKit(
        self, request: pb.CreateBrandKitRequest, context: grpc.ServicerContext
    ) -> pb.CreateBrandKitResponse:
        self._admit("CreateBrandKit", request, context)
        self.kits[request.brand_kit.name] = request.brand_kit
        return pb.CreateBrandKitResponse(brand_kit=request.brand_kit)

    @override
    def GetBrandKit(self, request: pb.GetBrandKitRequest, context: grpc.ServicerContext) -> pb.GetBrandKitResponse:
        self._admit("GetBrandKit", request, context)
        return pb.GetBrandKitResponse(brand_kit=self.kits[request.name])

    @override
    def UpdateBrandKit(
        self, request: pb.UpdateBrandKitRequest, context: grpc.ServicerContext
    ) -> pb.UpdateBrandKitResponse:
        self._admit("UpdateBrandKit", request, context)
        self.kits[request.brand_kit.name] = request.brand_kit
        return pb.UpdateBrandKitResponse(brand_kit=request.brand_kit)

    @override
    def ListBrandKits(
        self, request: pb.ListBrandKitsRequest, context: grpc.ServicerContext
    ) -> pb.ListBrandKitsResponse:
        self._admit("ListBrandKits", request, context)
        return pb.ListBrandKitsResponse(brand_kits=self.kits.values())

    @override
    def DeleteBrandKit(
        self, request: pb.DeleteBrandKitRequest, context: grpc.ServicerContext
    ) -> pb.DeleteBrandKitResponse:
        self._admit("DeleteBrandKit", request, context)
        del self.kits[request.name]
        return pb.DeleteBrandKitResponse()
