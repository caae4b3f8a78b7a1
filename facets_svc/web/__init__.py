"""The service over HTTP: who may ask (`auth`), what was asked (`target`, `params`), and how it is answered.

`gate` stands around everything, so that no answer leaves without a request id, a check of its token and a log line;
`routes` holds the handlers; `problems` is the one table from errors to statuses; `app` puts all together, `server` runs
it.
"""
