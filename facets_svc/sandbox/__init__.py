"""Other people's SQL, over rows that the asker may see anyhow, in a process of its own that can be killed.

`SqlSandbox` is what the service asks: it admits a query, has the asker's rows extracted from the snapshot, and hands
both to the fork server, which makes a process for the one query. That process gives up whatever it could do harm with,
judges the statement, runs it, and hands back the answer.
"""
