"""How much the service costs around the rendering, beside a bare gRPC server in the same run."""
