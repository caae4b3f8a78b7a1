"""The command `facets-svc`: the composition root that gives the job and the service their parts."""

from facets_svc.cli.root import main

__all__ = ["main"]
