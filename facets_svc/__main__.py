"""`python -m facets_svc` is the command `facets-svc`."""

from facets_svc.cli import main

if __name__ == "__main__":
    main(prog_name="facets-svc")
