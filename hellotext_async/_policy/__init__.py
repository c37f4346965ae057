"""Decisions only: time and chance are passed in, nothing waits, nothing is sent."""
