"""Between `render.v1.BrandKit` and the domain's."""

from render_client.v1 import brand_service_pb2

from render_service.domain.brand.kit import BrandKit, StoredBrandKit
from render_service.domain.faults import Faults
from render_service.server.mapping.records import Exceptions, Record
from render_service.server.mapping.times import timestamp

_KIT = Record(
    BrandKit,
    brand_service_pb2.BrandKit.DESCRIPTOR,
    Exceptions(apart=frozenset(f"BrandKit.{name}" for name in ("etag", "create_time", "update_time"))),
)


def kit_from_proto(message: brand_service_pb2.BrandKit, path: str, faults: Faults) -> BrandKit:
    """Return a kit, noting faults of form; what the service sets is ignored. `path` is its path in the request."""
    return _KIT.read(message, path, faults)


def kit_to_proto(stored: StoredBrandKit) -> brand_service_pb2.BrandKit:
    """Return the message of a stored kit."""
    message = brand_service_pb2.BrandKit(
        etag=stored.etag, create_time=timestamp(stored.create_time), update_time=timestamp(stored.update_time)
    )
    _KIT.write(stored.kit, message)
    return message
