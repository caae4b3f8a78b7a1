"""Engines that count facets over one snapshot: `base` is the protocol, `duckdb` the one there is."""
