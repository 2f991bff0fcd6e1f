from render_client.v1.brand_service_pb2_grpc import *
