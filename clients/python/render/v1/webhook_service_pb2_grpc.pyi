from render_client.v1.webhook_service_pb2_grpc import *
