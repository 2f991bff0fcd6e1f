from render_client.v1.error_reason_pb2 import *
