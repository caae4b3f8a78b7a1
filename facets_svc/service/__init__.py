"""What answers queries: the current snapshot and its swap, cached and shared answers, and the pool they run in."""
