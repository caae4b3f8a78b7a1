"""The engine over Spark Connect, against Sail, which speaks the protocol of Spark."""
