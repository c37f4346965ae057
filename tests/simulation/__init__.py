"""The pacer against modelled rate limiters, in virtual time and from fixed seeds."""
