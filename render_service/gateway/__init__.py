"""HTTP beside gRPC: JSON, server-sent events and downloads. The gRPC server that it calls decides who may do what."""
