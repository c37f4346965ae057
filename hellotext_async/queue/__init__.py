"""Delivery of events: accepted once, tried until something is proved, ended in exactly one outcome."""
