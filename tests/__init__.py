"""What facets-svc promises, checked; a package a layer, plus the oracle that knows the answers beforehand."""
