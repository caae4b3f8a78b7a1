"""Runs the SQL of clients over the rows that they may see, in a confined process per query that can be killed.

`SqlSandbox` admits a query, extracts the client's rows from the snapshot, and passes both to the fork server, which
starts a process for the query. This process drops its privileges, judges the statement, runs it, and returns the
answer.
"""
