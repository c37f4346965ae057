"""hellotext_async: an asyncio client for the Hellotext API."""
