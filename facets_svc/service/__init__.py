"""What answers queries: the snapshot in force and its swap, and the bounded pool that the queries run in."""
