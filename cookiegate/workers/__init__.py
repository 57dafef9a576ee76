"""Gates between two streams: ``cookiegate worker redis`` and ``cookiegate worker kafka``.

A worker reads batches, lets :class:`cookiegate.workers.judging.Judge` decide, and writes what passes, the dead letters
and its own progress together. It adds nothing to what the gate lets through.
"""
