"""Hours of a beamline's life: is anything lost, and does the memory grow?

``python -m tools.soak --minutes 30 --rate 200``: ``serve`` with the embedded network, raw runs one
after another over 0MQ, every latency from when its event was due.
"""
