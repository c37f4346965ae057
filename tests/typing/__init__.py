"""The promise about types: what checkers must infer for every verb, and what they must refuse.

Nothing here runs; mypy --strict and pyright read it. A ``type: ignore`` marks a mistake that must
be found: one that is not needed is an error itself.
"""
