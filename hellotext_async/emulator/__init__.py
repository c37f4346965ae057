"""A stateful emulator of the API on loopback, for demos and for the tests of programs that use it.

It parses and answers with its own code and imports nothing of the client: what one side gets wrong
the other does not hide.
"""

from .app import Emulator, serve
from .faults import Fault
from .limits import RateLimit

__all__ = ["Emulator", "Fault", "RateLimit", "serve"]
