"""Engines that answer queries over one snapshot: `base` has the protocol, `duckdb` and `spark` implement it."""
