"""The nightly job: reads a source, cleans and indexes it, verifies the result, and publishes it as a snapshot."""
