"""``kill -9``, of a worker and of the whole service, again and again under load."""

from __future__ import annotations

from faults.rows import POSTGRESQL, SQLITE, row
from faults.stage import Stage

WORKER_BACK_S = 2.0
SERVICE_BACK_S = 5.0
BOTH = (SQLITE, POSTGRESQL)


@row("kill-worker", "kill -9 of a worker", engines=BOTH, everyday=False)
def kill_worker(stage: Stage) -> None:
    """The server starts another one. Two in a row within 5.5 s would end the server: that is for its supervisor."""
    stage.begin()
    for _ in range(int(stage.long(3, 1))):
        killed = stage.target.kill_worker()
        stage.recovered(killed, WORKER_BACK_S)
        stage.load.wait_for(200, since_s=killed + 6)
    stage.check()


@row("kill-service", "kill -9 of the service", engines=BOTH, everyday=False)
def kill_service(stage: Stage) -> None:
    """A supervisor starts it again at once."""
    stage.begin()
    for _ in range(int(stage.long(5, 2))):
        killed = stage.target.kill()
        stage.target.start()
        stage.recovered(killed, SERVICE_BACK_S)
        stage.load.wait_for(50, since_s=killed)
    stage.check()


def cycles(stage: Stage, count: int, told: object = None) -> None:
    """``count`` kills, of a worker and of the service by turns, a little work between them."""
    stage.begin()
    for number in range(count):
        if number % 2 == 0:
            killed = stage.target.kill_worker()
            stage.recovered(killed, WORKER_BACK_S)
        else:
            killed = stage.target.kill()
            stage.target.start()
            stage.recovered(killed, SERVICE_BACK_S)
        stage.load.wait_for(20, since_s=killed)
        if callable(told):
            told(number + 1, stage)
    stage.check()
