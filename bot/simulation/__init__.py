"""The order simulation: a tiny, deterministic control plane in virtual time, verified against recordings of a real one.

objects ← clock, store ← apiserver (schema) ← part ← the parts ← cluster ← kubectl, world ← script.
"""
