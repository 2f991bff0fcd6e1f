"""How the gateway names the peer of a request to the gRPC server."""

PEER_KEY = "render-peer"
"""The metadata with the address of a peer, as gRPC writes it. The server believes it only of the gateway."""
