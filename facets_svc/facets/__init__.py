"""Facets as values: what is asked, what is answered, and in which order. Nothing here does I/O."""
