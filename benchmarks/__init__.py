"""Benchmarks: how long answers take, beside what other engines take for the same ones (README.md)."""
