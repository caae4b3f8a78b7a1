"""Benchmarks: how long an answer takes, beside how long it would take without what makes it fast."""
