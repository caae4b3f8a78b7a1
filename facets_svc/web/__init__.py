"""The service over HTTP.

`edge` stands around everything, so that no answer leaves without a request id, a check of its token and a log line;
`routes` and `sql` hold the handlers, `parameters` declares what they read, `problems` is the one table from errors to
statuses; `app` puts all together, `server` runs it.
"""
