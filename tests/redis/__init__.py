"""The stream on a server: everything here runs against real servers, Redis and Valkey where both are installed."""
