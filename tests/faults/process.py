"""Scripts that use a client and a queue in a process of their own."""

from __future__ import annotations

import textwrap

from hellotext_async.emulator import Emulator
from tests.harness.crash import ChildExit, run_child
from tests.harness.server import ScriptedServer

HEAD = """
import asyncio, os, signal, sys, warnings
from hellotext_async.client import Hellotext
from hellotext_async.errors import *
from hellotext_async.spool.sqlite_spool import SqliteSpool
url, path = sys.argv[1:3]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

def write_line(*words): os.write(1, (" ".join(map(str, words)) + "\\n").encode())
"""


async def run(body: str, server: ScriptedServer | Emulator, path: object = "-", **how: object) -> ChildExit:
    return await run_child(HEAD + textwrap.dedent(body), server.url, str(path), **how)  # type: ignore[arg-type]
