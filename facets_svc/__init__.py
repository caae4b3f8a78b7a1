"""Exact facet counts for a model catalogue: which filters can still be clicked, and how many models each would show.

A nightly job (`facets_svc.sync`) writes a catalogue as an immutable snapshot of Parquet files into a lake
(`facets_svc.lake`). A service (`facets_svc.service`, `facets_svc.web`) opens the current snapshot and answers from it.
They share only the lake. Imports flow one way: `docs/architecture.md` has the order.
"""

__version__ = "0.2.0"
