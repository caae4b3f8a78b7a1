"""The nightly job: read a source, clean it, index it, verify it, publish it as a snapshot of the lake."""
