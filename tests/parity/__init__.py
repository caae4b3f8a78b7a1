"""The service against the oracle: whole answers, over real and generated catalogues."""
