"""Calls to bytes and bytes to answers: no asyncio, no clock, no randomness, no HTTP library."""
