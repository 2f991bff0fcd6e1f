from render_client.v1.render_service_pb2 import *
