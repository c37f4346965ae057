"""The connection to the server: a single one or a cluster, its errors as ours, and the scripts that run there.

Rules. Every command may be repeated by redis-py, which does so when a reply is lost: what is run
here is idempotent. No command blocks on the server. A cancellation is never lost, and nothing is sent
from a forked child, on the sockets of its parent. An error's text never holds the URL, which may hold a password.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from .. import _process
from .._diagnosis import diagnose, origin_of
from ..errors import ConfigurationError, SpoolError

try:
    import redis.asyncio
    from redis import exceptions
    from redis.asyncio.retry import Retry
    from redis.backoff import ExponentialBackoff
except ImportError as missing:  # pragma: no cover - the extra is missing
    raise ImportError("RedisStream needs redis-py: pip install 'hellotext-async[redis]'") from missing

from .connections import KeptConnection, adapt_cluster, adapted

if TYPE_CHECKING:
    from redis.asyncio.cluster import RedisCluster

__all__ = ["Link", "Script", "ServerFull", "Unreachable"]

CONNECTIONS: Final = 4
AT_ONCE: Final = 32
"""Commands under way at once: a node of a cluster is given no more connections than redis-py allows it."""
REPLY_TIMEOUT: Final = 5.0
"""Seconds for one reply, and for a connection; so long an opening waits for a server that loads its data."""
LOADING_PAUSE: Final = 0.1

Argument = str | bytes | int
Name = Literal["put", "lease", "step", "letters", "rate"]


_CLUSTER: Final = (exceptions.RedisClusterException, AttributeError)
"""What only the client of a cluster raises: no node answers; and, when the cluster changes, it closes connections that
others are opening.
"""
_ERRORS: Final = (exceptions.RedisError, OSError, *_CLUSTER)
_NO_REPLY: Final = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ClusterError, OSError, *_CLUSTER)


class Unreachable(SpoolError):
    """No reply: whether the command ran is unknown, and it is safe to repeat."""


class ServerFull(SpoolError):
    """The server takes no writes that need memory."""


class Script:
    """One of the scripts in ``lua/``."""

    def __init__(self, name: Name) -> None:
        self.text = files("hellotext_async.fleet").joinpath("lua", f"{name}.lua").read_text()
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Link:
    """One process's connections to one server, opened at the first command."""

    def __init__(self, url: str, *, reply_timeout: float = REPLY_TIMEOUT) -> None:
        self._url = url
        self._patience = reply_timeout
        self._options: dict[str, Any] = {
            "socket_timeout": reply_timeout,
            "socket_connect_timeout": reply_timeout,
            "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
        }
        self.place = _place(url)
        if not url.startswith("unix:"):  # there is no network in between, and redis-py refuses the option
            self._options["socket_keepalive"] = True
        self.clustered = False
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._process = _process.current_process
        self._client: redis.asyncio.Redis | RedisCluster = self._single()

    def _single(self) -> redis.asyncio.Redis:
        kind: Any = redis.asyncio.BlockingConnectionPool
        pool = kind.from_url(
            self._url, max_connections=CONNECTIONS, timeout=self._options["socket_timeout"], **self._options
        )
        pool.connection_class = adapted(pool.connection_class)
        self._for_scripts, self._for_reads = KeptConnection(pool, self._patience), KeptConnection(pool, self._patience)
        return redis.asyncio.Redis(connection_pool=pool)

    async def open(self) -> dict[str, Any]:
        """What the server says of itself (INFO), once it has loaded its data. Unreachable, ConfigurationError."""
        _process.own_selector_after_fork(asyncio.get_running_loop())
        info: dict[str, Any] = await self._loaded()
        if info.get("cluster_enabled") == 1 and not self.clustered:
            from redis.asyncio.cluster import RedisCluster

            await self.aclose()
            options = {name: value for name, value in self._options.items() if name != "retry"}
            # One node that moved closes no connection to the others: each is looked up when it is needed.
            self._client = RedisCluster.from_url(self._url, reinitialize_steps=0, **options)
            adapt_cluster(self._client)
            self.clustered = True
        return info

    async def _loaded(self) -> dict[str, Any]:
        """INFO of a server that has loaded its data: while it loads, what it says of its append-only file is not so."""
        until = asyncio.get_running_loop().time() + self._patience
        while (info := await self.command("info")).get("loading"):
            if asyncio.get_running_loop().time() > until:
                raise self._loading()
            await asyncio.sleep(LOADING_PAUSE)
        found: dict[str, Any] = info
        return found

    async def command(self, name: str, *arguments: Any, **options: Any) -> Any:
        """One of redis-py's methods."""
        return await self._ask(lambda: getattr(self._client, name)(*arguments, **options), (*_ERRORS, ValueError))

    async def pipeline(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Several commands in one round trip (a cluster's: one for each node)."""
        return list(await self._ask(lambda: self._pipelined(commands)))

    async def _pipelined(self, commands: Sequence[tuple[Any, ...]]) -> Any:
        client: Any = self._client
        async with client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return await pipe.execute()

    async def read(self, streams: Sequence[tuple[str, str]], count: int) -> list[tuple[bytes, list[Any]]]:
        """XREAD, for one reader: of each stream the entries after the one that is named. Without a cluster as the
        server sends them: redis-py makes two objects more of each.
        """
        if self.clustered:
            replies = await asyncio.gather(*(self.command("xread", dict([one]), count=count) for one in streams))
            return [stream for reply in replies for stream in _streams(reply)]
        names, last = zip(*streams, strict=True)
        reply = await self._ask(lambda: self._for_reads.ask("XREAD", "COUNT", count, "STREAMS", *names, *last))
        return list(reply.items() if hasattr(reply, "items") else reply or ())  # in either protocol

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> list[Any]:
        """Run a script whose keys are in one slot, unless there is no cluster."""
        return list(await self._ask(lambda: self._evaluated(script, (len(keys), *keys, *arguments))))

    async def _evaluated(self, script: Script, given: tuple[Any, ...]) -> Any:
        client: Any = self._client
        if self._for_scripts.free and not self.clustered:
            try:
                return await self._for_scripts.ask("EVALSHA", script.sha, *given)
            except (exceptions.ConnectionError, exceptions.NoScriptError):
                pass  # it was lost before, or the server does not know the script: redis-py tries again
        try:
            return await client.execute_command("EVALSHA", script.sha, *given)
        except exceptions.NoScriptError:
            return await client.execute_command("EVAL", script.text, *given)

    async def _ask(self, call: Callable[[], Awaitable[Any]], errors: tuple[type[Exception], ...] = _ERRORS) -> Any:
        """What the server replies, in its turn; these errors of redis-py as ours."""
        if self._process is not _process.current_process:
            raise Unreachable(f"the connection to the server at {self.place} is another process's")
        task, failure, reply = asyncio.current_task(), None, None
        cancelled = 0 if task is None else task.cancelling()
        try:
            reply = await (self._in_turn(call) if self.clustered else call())
        except errors as error:
            failure = self._mapped(error)
        if task is not None and task.cancelling() > cancelled:
            raise asyncio.CancelledError  # Python 3.11 loses one that meets the end of redis-py's `wait_for`
        if failure is not None:
            raise failure
        return reply

    async def _in_turn(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """What a cluster replies: it is sent no more commands at once than redis-py has connections."""
        async with self._turns:
            await self._client.initialize()  # until the nodes are known, a command is sent to any of them
            return await call()

    def _mapped(self, error: Exception) -> Exception:
        """The error of ours that says the same."""
        kind = type(error).__name__
        if isinstance(error, AttributeError) and not self.clustered:
            return error
        if isinstance(error, (exceptions.AuthenticationError, exceptions.NoPermissionError)):
            return ConfigurationError(f"the server at {self.place} refuses the user or the password ({kind})")
        if isinstance(error, exceptions.OutOfMemoryError) or str(error).startswith("OOM"):
            return ServerFull(f"the server at {self.place} is out of memory")
        if isinstance(error, exceptions.ReadOnlyError) or "READONLY" in str(error)[:200]:
            return Unreachable(f"the server at {self.place} is a read-only replica")
        if isinstance(error, exceptions.BusyLoadingError) or str(error).startswith("LOADING"):
            return self._loading()
        if isinstance(error, _NO_REPLY):
            return Unreachable(f"no reply from the server at {self.place} ({_cause(error)})")
        if isinstance(error, exceptions.InvalidResponse):
            return SpoolError(f"what answers at {self.place} is no Redis or Valkey server ({str(error)[:120]})")
        if isinstance(error, exceptions.ResponseError) and _passes(str(error)):
            return Unreachable(f"the server at {self.place} cannot answer at present ({kind})")
        return SpoolError(f"the server at {self.place} refused a command ({kind}: {str(error)[:120]})")

    def _loading(self) -> Unreachable:
        return Unreachable(f"the server at {self.place} is loading its data: it answers when it has done so")

    async def aclose(self) -> None:
        """Close the connections."""
        client = self._client
        self._for_scripts.close()
        self._for_reads.close()
        if isinstance(client, redis.asyncio.Redis):
            await client.aclose()
            await client.connection_pool.disconnect()
            return
        nodes = client.get_nodes()
        await client.aclose()  # after an error it does nothing: each node is closed as well
        await asyncio.gather(*(node.disconnect() for node in nodes), return_exceptions=True)


def _streams(reply: Any) -> list[tuple[bytes, list[Any]]]:
    """A reply of redis-py's XREAD, in either protocol."""
    if not reply:
        return []
    pairs: list[tuple[bytes, list[Any]]] = list(reply.items() if hasattr(reply, "items") else reply)
    return [(name, parts[0]) for name, parts in pairs] if hasattr(reply, "items") else pairs


def _cause(error: BaseException) -> str:
    """Why there was no reply: redis-py's errors name their own type alone."""
    origin = origin_of(error)
    hint = "; ?ssl_ca_certs= in the URL names a file" if isinstance(origin, ssl.SSLCertVerificationError) else ""
    return type(error).__name__ if origin is None else f"{diagnose(origin)}{hint}"


def _passes(text: str) -> bool:
    """Whether a refusal is of the kind that ends by itself."""
    return text.startswith(("LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOREPLICAS"))


def _place(url: str) -> str:
    """Host and port, without what is secret. ConfigurationError if it is no URL of a server."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except (ValueError, AttributeError, TypeError):
        raise ConfigurationError("url: expected redis://host:port, rediss:// or unix://") from None
    if parts.scheme == "unix" and parts.path:
        return parts.path
    if parts.scheme not in ("redis", "rediss") or not host:
        raise ConfigurationError("url: expected redis://host:port, rediss:// or unix://")
    return f"{host}:{port or 6379}"
