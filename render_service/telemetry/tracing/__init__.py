"""One trace from the caller's span through the queue and the worker to provider and compositor.

The only room that knows OpenTelemetry; off, it does not even load it.
"""
