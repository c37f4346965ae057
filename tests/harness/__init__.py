"""The instruments of the fault tests: servers that misbehave on purpose, a virtual clock, a judge of histories.

Nothing here imports the package it tests, but `transport`, which stands in for one of its parts.
"""
