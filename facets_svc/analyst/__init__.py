"""What analysts ask: tables over the Parquet files of snapshots, named queries, and answers in many formats.

The tables are defined once, in `sql/views/`, over whatever files hold the rows that the asker may see: those of a lake
on one's own machine, or an org's and the public ones behind HTTP.
"""
