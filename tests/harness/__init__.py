"""The tools of the fault tests: faulty servers, a virtual clock, a checker of histories.

Nothing here imports the package it tests, but `transport`, which stands in for one of its parts.
"""
