"""The stream on a server: these tests run against real servers, Redis and Valkey where both are installed."""
