"""Answers questions: the current snapshot and its swap, the response cache, single flight, the admission queue."""
