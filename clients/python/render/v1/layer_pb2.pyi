from render_client.v1.layer_pb2 import *
