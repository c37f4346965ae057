"""How fast it is: every figure a ratio within one run, measured in small interleaved slices."""
