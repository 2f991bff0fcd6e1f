"""The gRPC server: an entry of the service. Servicers, interceptors and mapping; no rule of the domain lives here."""
