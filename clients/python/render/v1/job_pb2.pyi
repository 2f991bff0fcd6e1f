from render_client.v1.job_pb2 import *
