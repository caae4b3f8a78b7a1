"""The service over HTTP.

`edge` wraps every answer: request id, TLS and token checks, log line. `routes` and `sql` have the handlers,
`parameters` their parameters, `problems` the table from errors to statuses. `app` composes the parts, `server` runs
them.
"""
