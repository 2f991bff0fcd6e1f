"""All figures of the service, each declared once, by Prometheus' conventions; whoever knows a fact counts it.

No label holds an id, a workspace or a text of a caller's making: every figure has a bounded number of series.
"""
