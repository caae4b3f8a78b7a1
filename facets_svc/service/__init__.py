"""What answers queries: the snapshot in force and its swap, answers kept and under way, and the pool they run in."""
