"""One family of the API per file: what it answers, what it takes, its verbs."""
