"""Faults that are brought about, and what must hold all the same: each a run with figures."""
