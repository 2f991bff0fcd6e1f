"""A gRPC service that turns scripts and storyboards into finished videos."""
