"""What an event may hold, what its action needs, and the bytes it becomes: pure, for calls and queue alike."""
