"""Everything that one running service shares between requests, opened once and closed once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from cookiegate.clock import Clock, SystemClock, rfc3339
from cookiegate.consent.deciding import Decider
from cookiegate.consent.device import read_device
from cookiegate.consent.kept import is_kept
from cookiegate.errors import LedgerDamagedError, StorageError
from cookiegate.ledger.checkpoint import origin_of_ledger
from cookiegate.ledger.ids import time_of_id
from cookiegate.ledger.keyfile import open_ledger_key
from cookiegate.ledger.ledger import Ledger
from cookiegate.ledger.receipts import ReceiptBook
from cookiegate.ledger.sealing import SEAL_LEASE, Sealer
from cookiegate.ledger.signed_note import NoteSigner
from cookiegate.ledger.stored import last_checkpoint
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.addresses.evidence import IpEvidence
from cookiegate.rights.erasure import Erasure
from cookiegate.rights.events.files import FOLDER
from cookiegate.rights.holds import Holds
from cookiegate.rights.incidents.incidents import Incidents
from cookiegate.rights.provision.provisions import Provisions
from cookiegate.rights.requests.office import RequestOffice, open_office
from cookiegate.rights.restored import erase_again
from cookiegate.rights.restriction import Restriction, record_lifted
from cookiegate.rights.retention.believed_time import BelievedTime
from cookiegate.rights.retention.record_types import open_retention
from cookiegate.rights.retention.retention import Retention
from cookiegate.settings import Settings
from cookiegate.storage.cache.consents import with_hot_consents
from cookiegate.storage.cache.contract import SharedCache
from cookiegate.storage.cache.opening import open_cache
from cookiegate.storage.contract import STATUS_LIST_SIZE, Revocation, StatusSlot, Storage
from cookiegate.storage.opening import open_storage
from cookiegate.storage.patience import Patience
from cookiegate.storage.places import database_file
from cookiegate.tokens.issuing import Issuer
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.knowledge import Knowledge
from cookiegate.tokens.register import StatusRegister
from cookiegate.tokens.statuses import EpochRegister
from cookiegate.tokens.withdrawals import Withdrawals
from cookiegate.web.call import CookieRules
from cookiegate.web.chores import Chore, Chores
from cookiegate.web.clients import Clients
from cookiegate.web.deliveries import DeliveryGauges, delivery_chores
from cookiegate.web.doors import Doors
from cookiegate.web.fan_out import FanOut
from cookiegate.web.following import Following
from cookiegate.web.groups import Groups
from cookiegate.web.iab import VendorList
from cookiegate.web.leads import Leads
from cookiegate.web.limiting import Limits
from cookiegate.web.metrics import Metrics
from cookiegate.web.origins import origin_of
from cookiegate.web.places import Places
from cookiegate.web.purging import CLOCK_EVERY_S, PURGE_EVERY_S, ClockWatch, PurgeGauges
from cookiegate.web.records import Records, open_records
from cookiegate.web.redis_gauges import RedisGauges
from cookiegate.web.request_gauges import RequestGauges
from cookiegate.web.shared_lists import SharedLists
from cookiegate.web.sinks import FileSink, Sink, Upstreams
from cookiegate.web.surfaces import Surfaces
from cookiegate.web.widgets import Widgets

TICK_S = 0.5
SEAL_EVERY_S = 0.25
TIDY_EVERY_S = 0.1
REQUESTS_EVERY_S = 5.0
DOCUMENTS_EVERY_S = 3600.0
IP_EVIDENCE_EVERY_S = 5.0
EPOCHS_MATTER_MS = 1_200_000  # a token that is older has expired


@dataclass(slots=True)
class Service:
    """The rooms, wired. Endpoints take it as their first argument."""

    settings: Settings
    clock: Clock
    storage: Storage
    cache: SharedCache
    keyring: KeyRing
    ledger: Ledger
    sealer: Sealer
    book: PolicyBook
    groups: Groups
    issuer: Issuer
    register: StatusRegister
    epochs: EpochRegister
    withdrawals: Withdrawals
    knowledge: Knowledge
    fan_out: FanOut
    decider: Decider
    clients: Clients
    places: Places
    vendor_list: VendorList
    limits: Limits
    metrics: Metrics
    receipts: ReceiptBook
    surfaces: Surfaces
    widgets: Widgets
    doors: Doors
    provisions: Provisions
    records: Records
    erasure: Erasure
    restriction: Restriction
    holds: Holds
    retention: Retention
    believed: BelievedTime
    incidents: Incidents
    ip_evidence: IpEvidence
    requests: RequestOffice
    sink: Sink
    upstreams: Upstreams
    cookies: CookieRules
    own_origin: str
    chores: list[Chore] = field(default_factory=list)
    following: Following = field(init=False)
    lists: SharedLists = field(init=False)
    _running: Chores = field(init=False)

    def __post_init__(self) -> None:
        self.following = Following(self.storage, self._note, self.clock)
        self.lists = SharedLists(self.register, self.cache, lambda: self.following.sequence)
        self._running = Chores(Leads(self.storage, self.cache, self.metrics.lead), self.believed.insist)

    def follow(self) -> None:
        """Takes in what other processes changed: keys, policies, revocations. Called twice a second."""
        self.metrics.ledger["damaged"].set(self.sealer.damage is not None)
        self.metrics.settle()
        try:
            self.keyring.reload()
        finally:  # a key file that cannot be read must not hide what was withdrawn elsewhere
            self._follow_record()

    def _follow_record(self) -> None:
        began_s = self.knowledge.begin()
        for list_id, _size in self.storage.status_lists():
            self.register.ensure(list_id)
        self.following.catch_up()
        self.book.refresh()
        self.knowledge.read_whole(began_s)
        self.metrics.followed.set(self.clock.now_ms() / 1000)
        for site in self.book.sites():
            self.metrics.policies.labels(site).set(self.book.current(site).version)
        self.widgets.prepare()
        self.groups.look()

    def _note(self, revocation: Revocation) -> None:
        self.register.revoke(revocation.slot.list_id, revocation.slot.index)
        if revocation.sub and revocation.revoked_at_ms > self.clock.now_ms() - EPOCHS_MATTER_MS:
            self.epochs.raise_to(revocation.sub, revocation.epoch)

    def tidy(self) -> None:
        """Tells other processes what was ended here, and does the record's own housekeeping. Called often."""
        self.following.tell()
        self.storage.tidy()

    def insist_on_knowledge(self) -> None:
        """For answers that tell others what holds.

        Raises:
            StorageError: this process may have missed a withdrawal on another node.
        """
        if not self.knowledge.is_fresh:
            raise StorageError("this node has not heard from the record for some seconds; ask again soon")

    def now_text(self) -> str:
        """The time as RFC 3339."""
        return rfc3339(self.clock.now_ms())

    def ledger_gauges(self) -> dict[str, float]:
        """How far sealing is; nothing but the damage while the record cannot be read."""
        damaged = {"damaged": float(self.sealer.damage is not None)}
        try:
            state = self.ledger.state()
        except StorageError:
            return damaged
        waits_ms = self.clock.now_ms() - time_of_id(state.oldest_id) if state.oldest_id else 0
        return {**damaged, "size": state.size, "unsealed": state.unsealed, "unsealed_age_seconds": waits_ms / 1000}

    def start(self, begin: Callable[[], None] | None = None) -> None:
        """Does the chores in the background, and hears what other nodes tell, until ``close``.

        Args:
            begin: what each of their threads does first.
        """
        if database_file(self.settings) is None:  # others write this record, too
            self.knowledge.demand()
        self.fan_out.listen()
        self._running.start(self.chores, begin)

    def close(self) -> None:
        """Stops the background work and lets go of the record."""
        self._running.stop()
        self.metrics.settle()
        self.upstreams.close()
        self.cache.close()
        self.storage.close()


def open_service(settings: Settings, clock: Clock | None = None) -> Service:
    """Opens the record, the keys and everything above them.

    Raises:
        SettingsError: the database cannot be used.
        KeyFileError: a key file is missing, garbled or open to others.
        StorageError: the record cannot be reached.
    """
    clock = clock or SystemClock()
    patience = Patience(settings.threads)
    storage = open_storage(settings, patience=patience)
    erase_again(storage, clock)
    keyring = KeyRing.open(settings.data_dir, clock)
    ledger, sealer = _open_ledger(settings, storage, clock)
    knowledge = Knowledge()
    register = StatusRegister(keyring, settings.base_url, size=STATUS_LIST_SIZE, clock=clock, knowledge=knowledge)
    epochs, metrics = EpochRegister(clock), Metrics()
    cache = open_cache(settings, keyring.secret("cache"), RedisGauges(metrics.registry))
    if cache.is_shared and database_file(settings) is None:
        storage = with_hot_consents(
            storage,
            cache,
            keyring.secret("hot-consents"),
            clock,
            minimum=epochs.minimum,
            is_fresh=lambda: knowledge.is_fresh,
        )

    def deny(slot: StatusSlot, sub: str, epoch: int) -> None:
        register.revoke(slot.list_id, slot.index)
        epochs.raise_to(sub, epoch)

    fan_out = FanOut(cache, keyring.secret("fan-out"), deny)

    def on_revoked(slot: StatusSlot, sub: str, epoch: int) -> None:
        deny(slot, sub, epoch)
        fan_out.tell(slot, sub, epoch)

    withdrawals = Withdrawals(partial(is_kept, storage))
    book = PolicyBook(storage, clock)
    clients = Clients(settings.trusted_proxies, keyring.secret("rate-limit"), clock)
    surfaces = Surfaces(book, storage, clock)
    erasure, restriction = Erasure(storage, on_revoked, clock), Restriction(storage, on_revoked, clock)
    holds, provisions = Holds(storage, clock), Provisions(storage, keyring.secret("provision"), clock)
    requests = open_office(
        settings,
        storage,
        book,
        clock,
        secret=keyring.secret("request"),
        jwks=keyring.jwks,
        erasure=erasure,
        restriction=restriction,
    )
    service = Service(
        settings=settings,
        clock=clock,
        storage=storage,
        cache=cache,
        keyring=keyring,
        ledger=ledger,
        sealer=sealer,
        book=book,
        groups=Groups(book),
        issuer=Issuer(keyring, settings.base_url, settings.token_ttl_s),
        register=register,
        epochs=epochs,
        withdrawals=withdrawals,
        knowledge=knowledge,
        fan_out=fan_out,
        decider=Decider(storage, keyring.secret("handle"), on_revoked, clock, record_lifted, epochs.raise_to),
        clients=clients,
        places=Places(settings, clients),
        vendor_list=VendorList(settings.vendor_list),
        limits=Limits(settings, cache, clients, book.knows),
        metrics=metrics,
        receipts=ReceiptBook(storage, settings.base_url),
        surfaces=surfaces,
        widgets=Widgets(book, storage, surfaces, settings.token_ttl_s),
        doors=Doors(book, keyring, register, epochs, settings, clock, withdrawals),
        provisions=provisions,
        records=open_records(settings, storage, book, provisions, clock),
        erasure=erasure,
        restriction=restriction,
        holds=holds,
        retention=open_retention(
            settings,
            storage,
            book,
            holds,
            clock,
            casebook=requests.casebook,
            provisions=provisions,
            on_purged=PurgeGauges(metrics.registry).purged,
        ),
        believed=BelievedTime(storage, clock),
        incidents=Incidents(storage, book, clock),
        ip_evidence=IpEvidence(storage, clock),
        requests=requests,
        sink=FileSink(
            settings.data_dir / FOLDER, epochs, knowledge, clock, patience=patience, ended_ms=withdrawals.ended_ms
        ),
        upstreams=Upstreams(settings),
        cookies=CookieRules(settings.cookies_are_secure),
        own_origin=origin_of(settings.base_url),
    )
    service.chores.append(Chore("follow", TICK_S, service.follow, leased=False))
    # Copying pages needs no interpreter: another core may do it.
    service.chores.append(Chore("tidy", TIDY_EVERY_S, service.tidy, leased=False, begins=False))
    service.chores.append(Chore(SEAL_LEASE, SEAL_EVERY_S, sealer.run))
    service.chores.append(Chore("requests", REQUESTS_EVERY_S, service.requests.serving.carry_on))
    drop_documents = service.requests.drop_old_documents
    service.chores.append(Chore("identity-documents", DOCUMENTS_EVERY_S, drop_documents, by_time=True))
    service.chores.append(Chore("purge", PURGE_EVERY_S, service.retention.purge, by_time=True))
    watch = ClockWatch(service.believed, metrics.registry)
    service.chores.append(Chore("clock", CLOCK_EVERY_S, watch.look, leased=False))
    service.chores.append(Chore("ip-evidence", IP_EVIDENCE_EVERY_S, service.ip_evidence.flush, leased=False))
    service.chores += delivery_chores(settings, storage, clock, epochs.raise_to)
    metrics.watch_ledger(service.ledger_gauges)
    metrics.registry.register(DeliveryGauges(storage, clock))
    metrics.registry.register(RequestGauges(requests.casebook, clock))
    service.follow()
    read_device("warm-up")  # compiles the parser's rules now, once, not in the first visitors' requests
    return service


def _open_ledger(settings: Settings, storage: Storage, clock: Clock) -> tuple[Ledger, Sealer]:
    """The ledger, and the sealer with its key; damage is noted, so that the service starts and says so."""
    sealer = Sealer(storage, open_signer(settings, storage), clock)
    with suppress(LedgerDamagedError):
        sealer.check()
    return Ledger(storage), sealer


def open_signer(settings: Settings, storage: Storage) -> NoteSigner:
    """The ledger's key, made with the ledger.

    Raises:
        KeyFileError: it cannot be used, or is missing though the ledger has begun.
    """
    is_begun = last_checkpoint(storage) is not None
    return open_ledger_key(settings.data_dir, origin_of_ledger(settings.base_url), is_begun=is_begun)
