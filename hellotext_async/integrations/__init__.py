"""Other people's frameworks, each importable alone and each an extra."""
