"""The order simulation: a tiny, deterministic control plane in virtual time, verified against recordings of a real one.

objects ← clock, statuses, store ← apiserver (admission, schema, fields.txt) ← part ← the parts ← cluster ← kubectl ← script.
"""
