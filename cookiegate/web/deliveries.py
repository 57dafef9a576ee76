"""What a running service does for its deliveries: chores that send, and gauges that show what waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cookiegate.clock import Clock
from cookiegate.errors import StorageError
from cookiegate.rights.delivery.deliveries import Deliveries, DeliveryReport
from cookiegate.rights.delivery.kafka_destination import KafkaDestination
from cookiegate.rights.delivery.mail import make_mailer
from cookiegate.rights.delivery.outbox_rows import Outbox
from cookiegate.rights.delivery.publishing import Destination, StreamPublisher
from cookiegate.rights.delivery.pushing import StreamPusher
from cookiegate.rights.delivery.redis_destination import RedisDestination
from cookiegate.rights.delivery.state import read_lags, read_waiting
from cookiegate.rights.delivery.streams import Streams
from cookiegate.rights.delivery.webhooks import WebhookSender
from cookiegate.rights.events.files import FOLDER, EventFiles
from cookiegate.rights.events.subscriber import FileSubscriber, forget_own_files, subscribe_own_files
from cookiegate.settings import Settings
from cookiegate.sources.kafka_clients import read_client_settings
from cookiegate.storage.contract import Storage
from cookiegate.web.chores import Chore
from cookiegate.web.logs import get_logger

DELIVER_EVERY_S = 2.0
FILES_EVERY_S = 1.0
PUBLISH_EVERY_S = 0.5
TIDY_EVERY_S = 600.0


def delivery_chores(settings: Settings, storage: Storage, clock: Clock, bar: Callable[[str, int], None]) -> list[Chore]:
    """The background work of deliveries; decides first whether there are files of our own that follow the streams.

    Args:
        settings: name the mail server, and whether events go to a collector.
        storage: the record.
        clock: tells what is due.
        bar: refuses a subject's events below an epoch in this process.
    """
    files = EventFiles(settings.data_dir / FOLDER)
    if settings.collect_url and files.is_empty():
        forget_own_files(storage)
    else:
        subscribe_own_files(storage, clock.now_ms())
    sender, mailer = WebhookSender(clock), make_mailer(settings)
    deliveries = Deliveries(storage, clock, sender, mailer)
    return [
        Chore(
            "deliver", DELIVER_EVERY_S, deliveries.deliver_due if mailer else _Waiting(deliveries, storage).deliver_due
        ),
        Chore("push-streams", DELIVER_EVERY_S, StreamPusher(storage, clock, sender).push_due),
        Chore("own-files", FILES_EVERY_S, FileSubscriber(storage, files, bar, clock).catch_up),
        Chore("tidy-deliveries", TIDY_EVERY_S, lambda: _tidy(storage, clock), by_time=True),
        *_publishing(settings, storage, clock),
    ]


def _publishing(settings: Settings, storage: Storage, clock: Clock) -> Iterator[Chore]:
    """A chore for each destination of the streams, which is a subscriber from now on."""
    destinations: dict[str, Destination] = {}
    if settings.publish_redis_url is not None:
        destinations["redis"] = RedisDestination(settings.publish_redis_url, clock, settings.publish_redis_days)
    if settings.publish_kafka_brokers is not None:
        file = settings.publish_kafka_config
        more = read_client_settings(file, "COOKIEGATE_PUBLISH_KAFKA_CONFIG") if file else {}
        topics = settings.publish_kafka_topics
        destinations["kafka"] = KafkaDestination(settings.publish_kafka_brokers, topics, more)
    for name, destination in destinations.items():
        publisher = StreamPublisher(storage, clock, name, destination)
        publisher.subscribe()
        yield Chore(f"publish-{name}", PUBLISH_EVERY_S, publisher.publish_due)


def _tidy(storage: Storage, clock: Clock) -> None:
    Streams(storage).forget_subjects(clock.now_ms())
    Outbox(storage, clock).forget_ended()


class _Waiting:
    """Deliveries without a mail server: says once that mails wait for one."""

    def __init__(self, deliveries: Deliveries, storage: Storage) -> None:
        self._deliveries = deliveries
        self._storage = storage
        self._said = False

    def deliver_due(self) -> DeliveryReport:
        """Delivers the rest."""
        waiting = 0 if self._said else sum(item.count for item in read_waiting(self._storage) if item.channel == "mail")
        if waiting:
            get_logger().warning("mails_wait_for_a_server", count=waiting)
            self._said = True
        return self._deliveries.deliver_due()


class DeliveryGauges(Collector):
    """Read from the record when they are asked for, so that every process shows the same."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """Nothing ahead: the record need not be there when the gauges are registered."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """The gauges; none while the record cannot be read."""
        try:
            yield from [*self._outbox(), *self._subscribers()]
        except StorageError:
            return

    def _outbox(self) -> Iterator[Metric]:
        rows = GaugeMetricFamily(
            "cookiegate_outbox_rows", "Mails and webhooks that wait or failed.", labels=["channel", "state"]
        )
        oldest = GaugeMetricFamily(
            "cookiegate_outbox_oldest_seconds", "Age of the oldest of them.", labels=["channel", "state"]
        )
        found = {(item.channel, item.state): item for item in read_waiting(self._storage)}
        for key in [(channel, state) for channel in ("mail", "webhook") for state in ("pending", "failed")]:
            item = found.get(key)
            rows.add_metric(key, item.count if item else 0)
            oldest.add_metric(key, self._age_s(item.oldest_at_ms if item else None))
        yield from (rows, oldest)

    def _subscribers(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "cookiegate_stream_waiting", "Events not acknowledged.", labels=["subscriber", "stream"]
        )
        oldest = GaugeMetricFamily(
            "cookiegate_stream_oldest_seconds", "Age of the oldest of them.", labels=["subscriber", "stream"]
        )
        for lag in read_lags(self._storage):
            waiting.add_metric((lag.subscriber, lag.stream), lag.waiting)
            oldest.add_metric((lag.subscriber, lag.stream), self._age_s(lag.oldest_at_ms))
        yield from (waiting, oldest)

    def _age_s(self, at_ms: int | None) -> float:
        return 0.0 if at_ms is None else max(0.0, (self._clock.now_ms() - at_ms) / 1000)
