"""The brand kits and fonts of the fake service, stored in memory."""

from collections.abc import Callable

import grpc
from google.protobuf.message import Message
from render_client.v1 import brand_service_pb2 as pb
from render_client.v1.brand_service_pb2_grpc import BrandServiceServicer
from typing_extensions import override

Admit = Callable[[str, Message, grpc.ServicerContext], None]


class FakeBrands(BrandServiceServicer):
    """Brand kits and fonts in memory.

    Attributes:
        kits: By name.
        fonts: By id.
    """

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self.kits: dict[str, pb.BrandKit] = {}
        self.fonts: dict[str, pb.Font] = {}

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

    @override
    def UploadFont(self, request: pb.UploadFontRequest, context: grpc.ServicerContext) -> pb.UploadFontResponse:
        self._admit("UploadFont", request, context)
        name = f"workspace:{request.family or 'Acme Sans'}"
        font = pb.Font(
            font_id=f"font-{len(self.fonts)}",
            name=name,
            min_weight=400,
            max_weight=700,
            size_bytes=len(request.content),
        )
        self.fonts[font.font_id] = font
        return pb.UploadFontResponse(font=font)

    @override
    def GetFont(self, request: pb.GetFontRequest, context: grpc.ServicerContext) -> pb.GetFontResponse:
        self._admit("GetFont", request, context)
        return pb.GetFontResponse(font=self.fonts[request.font_id])

    @override
    def ListFonts(self, request: pb.ListFontsRequest, context: grpc.ServicerContext) -> pb.ListFontsResponse:
        self._admit("ListFonts", request, context)
        own = pb.Font(name="Inter", min_weight=400, max_weight=400, scripts=["Cyrl", "Latn"], characters=1159)
        return pb.ListFontsResponse(fonts=[own, *self.fonts.values()])

    @override
    def DeleteFont(self, request: pb.DeleteFontRequest, context: grpc.ServicerContext) -> pb.DeleteFontResponse:
        self._admit("DeleteFont", request, context)
        del self.fonts[request.font_id]
        return pb.DeleteFontResponse()
