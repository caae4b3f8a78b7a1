"""The engines that are measured, each used as its own documentation recommends for facets: a module an engine."""
