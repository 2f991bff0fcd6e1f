from render_client.v1.output_pb2 import *
