from render_client.v1.project_service_pb2_grpc import *
