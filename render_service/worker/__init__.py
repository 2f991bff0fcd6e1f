"""The worker: an entry of the service. Takes Dramatiq messages and runs jobs; never imports gRPC."""
