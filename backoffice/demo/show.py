"""The whole product on one machine: servers, web, worker, beat and a gateway, loaded with real files, until somebody stops it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from backoffice.demo.applications import load_applications
from backoffice.demo.loading import Loaded, import_mistakes, import_one, prepare_files, run_command, sending_now
from backoffice.demo.logins import Login, ensure_logins
from backoffice.demo.manifest import Manifest
from backoffice.demo.paid import load_paid, remind_holders
from backoffice.demo.payments import play_payments, wait_for_notices
from backoffice.demo.summary import Summary, failures, summary_lines, take_summary
from backoffice.embedded.errors import ServiceError
from backoffice.embedded.given import ensure_given_broker, ensure_given_database
from backoffice.embedded.lock import AlreadyRunning, held
from backoffice.embedded.servers import EmbeddedServers, embedded_servers
from backoffice.embedded.site import LOOPBACK, LocalSite, choose_port
from backoffice.embedded.state import prepare_state_dir
from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Store
from backoffice.settings.env import env

GATEWAY_PORT = 8025
RECEIPTS_PATH = "/api/v1/gateway/receipts"


class Show:
    """One demo. Use as a context manager: leaving it stops everything it started."""

    def __init__(self, *, port: int | None, customers: int | None, say: Callable[[str], None]) -> None:
        self.say = say
        self.state: Path = settings.LOCAL_STATE_DIR
        self.wanted_port = port
        self.customers = customers
        self.servers: EmbeddedServers | None = None
        self.site: LocalSite
        self.manifest: Manifest
        self.loaded = Loaded()
        self.logins: list[Login] = []
        self._stack = ExitStack()

    def __enter__(self) -> Show:
        return self

    def __exit__(self, *_: object) -> None:
        connections.close_all()
        self._stack.close()

    @property
    def folder(self) -> Path:
        """Files, log-ins and the gateway's log of the demo in this database."""
        database = settings.DATABASES["default"]
        mark = hashlib.blake2s(f"{database['HOST']}:{database['PORT']}/{database['NAME']}".encode(), digest_size=4).hexdigest()
        return self.state / f"demo-{mark}"

    @property
    def gateway_log(self) -> Path:
        return self.folder / "gateway.jsonl"

    def start_servers(self) -> None:
        """PostgreSQL and broker: the given ones, or our own."""
        prepare_state_dir(self.state)
        self._stack.enter_context(held(self.state / "demo.lock", "A demo"))
        try:
            self.servers = self._stack.enter_context(embedded_servers(self.state, env, say=self.say))
        except AlreadyRunning as error:
            self.say(f"Using the servers that process {error.pid} keeps up")  # `manage.py services` in another window
        if env.given("DATABASE_URL") and ensure_given_database():
            self.say(f"Database {settings.DATABASES['default']['NAME']} created")
        if env.given("CELERY_BROKER_URL"):
            ensure_given_broker(settings.CELERY_BROKER_URL)

    def prepare_database(self) -> None:
        """Tables, and a check that this database is the demo's to fill."""
        call_command("migrate", verbosity=0, interactive=False)
        self.say("Tables are up to date")
        if Store.objects.exists() and not (self.folder / "manifest.json").exists():
            raise ServiceError(
                f"The database {settings.DATABASES['default']['NAME']} holds stores that are not this demo's: name an empty one in DATABASE_URL, or none."
            )
        call_command("collectstatic", verbosity=0, interactive=False)

    def start_site(self) -> datetime:
        """Write the files, start the gateway and the web process. Returns the demo's moment of start, in business time."""
        now = clock.database_now()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        port = choose_port(self.wanted_port)
        first_time = not (self.folder / "manifest.json").exists()
        self.manifest = prepare_files(self.folder, now=now, gateway_url=self._new_gateway_url, customers=self.customers)
        if first_time:
            self.say(f"{len(self.manifest.files)} files written for {self.manifest.stores} stores")
        gateway_port = int((self.folder / "gateway-port").read_text())
        secrets = self.folder / "gateway-secrets.json"
        self.manifest.write_gateway_secrets(secrets, settings.GATEWAY_SECRET)
        allowed = [*settings.OUTBOUND_ALLOW, f"{LOOPBACK}:{gateway_port}"]
        settings.OUTBOUND_ALLOW = allowed
        self.site = LocalSite(
            base=settings.BASE_DIR,
            state=self.state,
            port=port,
            env={"DEPLOYMENT": "local", "OUTBOUND_ALLOW": ",".join(allowed)},
            say=self.say,
        )
        self._stack.callback(self.site.stop)
        receipts = ("--receipts-url", f"{self.site.address}{RECEIPTS_PATH}")
        self.site.start_companion("gateway", "backoffice.demo.gateway", "--port", str(gateway_port), "--log", self.gateway_log, "--secrets", secrets, *receipts)
        connections.close_all()
        self.site.start_web()
        return now

    def _new_gateway_url(self) -> str:
        """A free port for the gateway, kept: it stands in the stores' rows from now on."""
        port = choose_port(None, first=GATEWAY_PORT)
        (self.folder / "gateway-port").write_text(str(port))
        return f"http://{LOOPBACK}:{port}/messages"

    def load(self, now: datetime) -> None:
        """Every file through the importer, the stores first; then the log-ins, which need a merchant; at last developers' applications and paid membership."""
        for entry in self.manifest.files:
            import_one(self.manifest, entry, self.loaded, self.say)
            if entry.kind == "stores":
                self.logins = ensure_logins(self.folder, now=now)
                self.say_logins()
        import_mistakes(self.manifest, self.loaded, self.say)
        load_applications(now, self.say)
        load_paid(now, self.say)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def say_logins(self) -> None:
        self.site.wait_for_web()
        self.say("The consoles are open, and files are still being loaded:")
        for line in self.login_lines():
            self.say(line)

    def login_lines(self) -> list[str]:
        return [f"  {self.site.address}{login.path:<12} user {login.username:<10} password {login.password}" for login in self.logins]

    def remind(self) -> None:
        """Decide the day's reminders, then hand them over together with the worker."""
        self.site.start_background()
        with sending_now():
            decided = run_command("run_reminders")
        if "refusal" in decided:
            raise ServiceError(f"run_reminders refused: {decided['refusal']}")
        remind_holders(clock.database_now())
        of_holders = run_command("run_reminders")
        if "refusal" in of_holders:
            raise ServiceError(f"run_reminders refused: {of_holders['refusal']}")
        self.say(f"The day's reminders are decided, in {decided['seconds'] + of_holders['seconds']:.1f} seconds")
        started = time.monotonic()
        sent = run_command("dispatch_messages")
        if "refusal" in sent:
            raise ServiceError(f"dispatch_messages refused: {sent['refusal']}")
        self.say(f"All handed over in {time.monotonic() - started:.1f} seconds")

    def pay(self) -> None:
        """Tell of some payments with credit; the worker hands their notices over, and what it leaves is handed over here."""
        play_payments(self.folder, clock.database_now(), self.say)
        wait_for_notices(self.say)
        sent = run_command("dispatch_messages")
        if "refusal" in sent:
            raise ServiceError(f"dispatch_messages refused: {sent['refusal']}")

    def judge(self, started: datetime) -> tuple[Summary, list[str]]:
        """The figures and what is wrong with them."""
        summary = take_summary(self.gateway_log)
        same_day = clock.local_day(started) == self.manifest.today == clock.local_day(clock.database_now())
        return summary, failures(summary, self.manifest, self.loaded, same_day=same_day)

    def lines(self, summary: Summary) -> list[str]:
        return summary_lines(summary, self.manifest, self.loaded)

    def keep_up(self) -> None:
        """Stay until a stop signal comes, and start again what ends by itself."""
        while True:
            time.sleep(0.5)
            if self.servers is not None:
                self.servers.restart_dead()
            self.site.restart_dead()
