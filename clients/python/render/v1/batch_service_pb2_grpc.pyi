from render_client.v1.batch_service_pb2_grpc import *
