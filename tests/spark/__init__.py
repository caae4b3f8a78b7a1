"""The engine over Spark Connect, against Sail, and in the soak against Apache Spark."""
