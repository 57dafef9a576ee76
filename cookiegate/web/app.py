"""The application: Flask with its blueprints, behind the thin front."""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from cookiegate.errors import CookiegateError
from cookiegate.settings import read_settings
from cookiegate.storage.opening import refuse_lost
from cookiegate.storage.places import ServingLock
from cookiegate.web.bundle import static_folder
from cookiegate.web.chores import Chore
from cookiegate.web.desk import Desk
from cookiegate.web.evidence_notes import note_form
from cookiegate.web.front import Front, WsgiApp
from cookiegate.web.logs import configure_logs, get_logger
from cookiegate.web.memory import keep_what_is_here, share_arenas
from cookiegate.web.one_core import LOOK_EVERY_S, one_core
from cookiegate.web.problems import WRONG_METHOD, code_of_status, problem_reply, reply_to_error
from cookiegate.web.reading_limits import count_reads
from cookiegate.web.service import Service, open_service
from cookiegate.web.slow_bodies import BodyPlaces
from cookiegate.web.views.hot import make_hot_blueprint
from cookiegate.web.views.ledger import make_ledger_blueprint
from cookiegate.web.views.notices import make_notices_blueprint
from cookiegate.web.views.operations import make_operations_blueprint
from cookiegate.web.views.pages import make_pages_blueprint
from cookiegate.web.views.receipts import make_receipts_blueprint
from cookiegate.web.views.record import make_record_blueprint
from cookiegate.web.views.requests import make_requests_blueprint
from cookiegate.web.views.responses import secure, show_problem
from cookiegate.web.views.streams import make_streams_blueprint


def create_app(service: Service) -> Flask:
    """Flask's side: every route, also those that the front answers before it.

    Args:
        service: the rooms, already open.
    """
    app = Flask(
        "cookiegate.web", static_folder=str(static_folder()), static_url_path="/static", template_folder="templates"
    )
    app.url_map.merge_slashes = False  # the redirect to the right spelling would name whatever Host it was asked with
    app.config["MAX_CONTENT_LENGTH"] = service.settings.collect_limit_bytes
    app.jinja_options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    service.limits.attach(app)
    desk = Desk(service)
    app.register_blueprint(make_hot_blueprint(service, desk))
    app.register_blueprint(make_pages_blueprint(service))
    app.register_blueprint(make_receipts_blueprint(service))
    app.register_blueprint(make_notices_blueprint(service))
    app.register_blueprint(make_record_blueprint(service))
    app.register_blueprint(make_requests_blueprint(service))
    app.register_blueprint(make_operations_blueprint(service))
    app.register_blueprint(make_ledger_blueprint(service))
    app.register_blueprint(make_streams_blueprint(service))
    app.register_error_handler(CookiegateError, lambda error: show_problem(reply_to_error(error)))
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(Exception, _fail)
    app.before_request(count_reads(service))
    app.after_request(secure(service.settings.base_url))
    app.after_request(note_form(service))
    return app


def _refuse(error: HTTPException) -> Response:
    code = code_of_status(error.code or 500)
    details = {
        404: "nothing lives at this address",
        405: WRONG_METHOD,
        413: "the body is larger than this address takes",
        429: "too many requests from your network; come back later",
    }
    reply = problem_reply(code, details.get(error.code or 500, "the request cannot be read"))
    if (allow := getattr(error, "valid_methods", None)) is not None:
        reply.add("Allow", ", ".join(sorted(allow)))
    return show_problem(reply)


def _fail(error: Exception) -> Response:
    get_logger().error("unexpected_error", exc_info=error)
    return show_problem(problem_reply("internal_error", "something went wrong here; the log has the details"))


def create_front(service: Service) -> Front:
    """The WSGI application over an open service."""
    return Front(Desk(service), create_app(service), BodyPlaces(service.settings.threads))


def create_wsgi() -> WsgiApp:
    """The WSGI application from the environment alone, for any server: ``wsgi:app``.

    Raises:
        SettingsError, KeyFileError, StorageError: the start is impossible; the message names what to change.
    """
    share_arenas()
    settings = read_settings()
    configure_logs(settings.log_level)
    ServingLock(settings).take_folder()  # until this process ends, whoever started it
    service = open_service(settings)
    refuse_lost(service.storage)
    core = one_core() if settings.one_core else None
    if core is not None:
        service.chores.append(Chore("core", LOOK_EVERY_S, core.look_around, leased=False))
    service.start(core.sit if core else None)
    keep_what_is_here()
    get_logger().info("started", sites=list(service.book.sites()), address=settings.base_url)
    front = create_front(service)
    return core.seated(front) if core else front
