from render_client.v1.card_pb2 import *
