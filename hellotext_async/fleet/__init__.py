"""Many processes, one stream of events on a Redis or Valkey server: producers that enqueue, workers that deliver."""
