"""``python -m hellotext_async``: the commands."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
