"""SQL for analysts: tables over the Parquet files of snapshots, named queries, and answers in many formats.

`sql/views/` defines the tables once, for any files with the rows that a caller may see: all files of a lake for
`facets-svc sql`, an org's models and the public ones for SQL over HTTP.
"""
