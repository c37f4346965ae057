"""The version of the package; declared here only."""

__version__ = "0.1.0"
