"""The embedded servers a deployment needs, started together and stopped together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backoffice.embedded.account import server_account
from backoffice.embedded.addresses import DATABASE_NAME, socket_dir
from backoffice.embedded.lock import held
from backoffice.embedded.postgresql import Postgres
from backoffice.embedded.state import prepare_state_dir
from backoffice.embedded.valkey import Valkey
from backoffice.settings.env import Environment

Server = Postgres | Valkey


def _silent(_: str) -> None:
    return


class EmbeddedServers:
    """The servers of one state folder that the environment does not name an own address for.

    DATABASE_URL and CELERY_BROKER_URL each take one away. Needs the state folder's lock; use `embedded_servers`.
    """

    def __init__(self, state: Path, environment: Environment, *, volatile: bool = False, say: Callable[[str], None] = _silent) -> None:
        self.state = state
        self.say = say
        self.volatile = volatile
        self._kinds: list[type[Postgres] | type[Valkey]] = []
        if not environment.given("DATABASE_URL"):
            self._kinds.append(Postgres)
        if not environment.given("CELERY_BROKER_URL"):
            self._kinds.append(Valkey)
        self.servers: list[Server] = []

    def start(self) -> None:
        account = server_account() if self._kinds else None
        for kind in self._kinds:
            assert account is not None  # noqa: S101 - there is a kind, so there is an account
            server = kind(self.state, account, volatile=self.volatile)
            self.servers.append(server)  # before it starts: a failed start must be stopped too
            server.start()
            if isinstance(server, Postgres):
                server.ensure_database(DATABASE_NAME)
            self.say(f"{server.name} is up")

    def restart_dead(self) -> None:
        """Start again what has ended by itself."""
        for server in self.servers:
            if not server.program.running:
                self.say(f"{server.name} ended with code {server.program.exit_code}; starting it again")
                server.start()

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()


@contextmanager
def embedded_servers(state: Path, environment: Environment, *, volatile: bool = False, say: Callable[[str], None] = _silent) -> Iterator[EmbeddedServers]:
    """Keep the servers up for the block. Raises AlreadyRunning when another process does so, ServiceError when one does not start."""
    prepare_state_dir(state)
    prepare_state_dir(socket_dir(state))
    with held(state / "servers.lock", "The set of embedded servers"):
        servers = EmbeddedServers(state, environment, volatile=volatile, say=say)
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()
