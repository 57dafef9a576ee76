"""Everything that one running service shares between requests, opened once and closed once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from cookiegate.clock import Clock, SystemClock, rfc3339
from cookiegate.consent.deciding import Decider
from cookiegate.consent.device import read_device
from cookiegate.errors import CookiegateError
from cookiegate.policy.publishing import PolicyBook
from cookiegate.settings import Settings
from cookiegate.storage.contract import STATUS_LIST_SIZE, Revocation, StatusSlot, Storage
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.issuing import Issuer
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.register import StatusRegister
from cookiegate.tokens.statuses import EpochRegister
from cookiegate.web.call import CookieRules
from cookiegate.web.clients import Clients
from cookiegate.web.doors import Doors
from cookiegate.web.limiting import Limits
from cookiegate.web.logs import get_logger
from cookiegate.web.metrics import Metrics
from cookiegate.web.origins import origin_of
from cookiegate.web.sinks import FileSink, ForwardSink, Sink
from cookiegate.web.widgets import Widgets

TICK_S = 0.5
TICKS_PER_HOUR = int(3600 / TICK_S)
EPOCHS_MATTER_MS = 1_200_000  # a token that is older has expired
ANSWERS_KEPT_MS = 7 * 86_400_000


@dataclass(slots=True)
class Service:
    """The rooms, wired. Endpoints take it as their first argument."""

    settings: Settings
    clock: Clock
    storage: Storage
    keyring: KeyRing
    book: PolicyBook
    issuer: Issuer
    register: StatusRegister
    epochs: EpochRegister
    decider: Decider
    clients: Clients
    limits: Limits
    metrics: Metrics
    widgets: Widgets
    doors: Doors
    sink: Sink
    cookies: CookieRules
    own_origin: str
    _last_revocation: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def follow(self) -> None:
        """Takes in what other processes changed: keys, policies, revocations. Called twice a second."""
        try:
            self.keyring.reload()
        finally:  # a key file that cannot be read must not hide what was withdrawn elsewhere
            self._follow_record()

    def _follow_record(self) -> None:
        self.book.refresh()
        for site in self.book.sites():
            self.metrics.policies.labels(site).set(self.book.current(site).version)
        self.widgets.prepare()
        for list_id, _size in self.storage.status_lists():
            self.register.ensure(list_id)
        while fresh := self.storage.revocations(self._last_revocation):
            for revocation in fresh:
                self._note(revocation)
            self._last_revocation = fresh[-1].sequence

    def _note(self, revocation: Revocation) -> None:
        self.register.revoke(revocation.slot.list_id, revocation.slot.index)
        if revocation.revoked_at_ms > self.clock.now_ms() - EPOCHS_MATTER_MS:
            self.epochs.raise_to(revocation.sub, revocation.epoch)

    def now_text(self) -> str:
        """The time as RFC 3339."""
        return rfc3339(self.clock.now_ms())

    def start(self) -> None:
        """Follows other processes in the background until ``close``."""
        threading.Thread(target=self._follow_on, name="cookiegate-follow", daemon=True).start()

    def _follow_on(self) -> None:
        ticks = 0
        while not self._stopped.wait(TICK_S):
            try:
                self.follow()
                if ticks % TICKS_PER_HOUR == 0:
                    self.storage.forget_answers(self.clock.now_ms() - ANSWERS_KEPT_MS)
            except CookiegateError as error:
                get_logger().warning("follow_failed", code=error.code)
            except Exception:  # whatever it is, the next tick must come: withdrawals elsewhere are heard here
                get_logger().exception("follow_failed")
            ticks += 1

    def close(self) -> None:
        """Stops the background work and lets go of the record."""
        self._stopped.set()
        self.storage.close()


def open_service(settings: Settings, clock: Clock | None = None) -> Service:
    """Opens the record, the keys and everything above them.

    Raises:
        SettingsError: the database cannot be used.
        KeyFileError: a key file is missing, garbled or open to others.
        StorageError: the record cannot be reached.
    """
    clock = clock or SystemClock()
    storage = open_storage(settings)
    keyring = KeyRing.open(settings.data_dir, clock)
    register = StatusRegister(keyring, settings.base_url, size=STATUS_LIST_SIZE, clock=clock)
    epochs = EpochRegister(clock)

    def on_revoked(slot: StatusSlot, sub: str, epoch: int) -> None:
        register.revoke(slot.list_id, slot.index)
        epochs.raise_to(sub, epoch)

    book = PolicyBook(storage, clock)
    clients = Clients(settings.trusted_proxies, keyring.secret("rate-limit"), clock)
    metrics = Metrics()
    service = Service(
        settings=settings,
        clock=clock,
        storage=storage,
        keyring=keyring,
        book=book,
        issuer=Issuer(keyring, settings.base_url, settings.token_ttl_s),
        register=register,
        epochs=epochs,
        decider=Decider(storage, keyring.secret("handle"), on_revoked, clock),
        clients=clients,
        limits=Limits(settings, clients, lambda site: site in book.sites()),
        metrics=metrics,
        widgets=Widgets(book, storage, settings.token_ttl_s),
        doors=Doors(book, keyring, register, epochs, settings, clock),
        sink=ForwardSink(settings.collect_url, settings.threads)
        if settings.collect_url
        else FileSink(settings.data_dir / "collected"),
        cookies=CookieRules(settings.cookies_are_secure),
        own_origin=origin_of(settings.base_url),
    )
    service.follow()
    read_device("warm-up")  # compiles the parser's rules now, once, not in the first visitors' requests
    return service
