"""Hellotext in other frameworks: one module each, importable alone, with an extra of the same name."""
