"""One trace from the caller's span through the queue and the worker to provider and compositor.

The only package that imports OpenTelemetry, and only if tracing is on.
"""
