from render_client.v1.project_pb2 import *
