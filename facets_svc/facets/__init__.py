"""Facets as values: queries, answers and the order of values, without input and output."""
