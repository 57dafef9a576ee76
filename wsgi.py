"""For any WSGI server: ``granian --interface wsgi wsgi:app`` or ``gunicorn wsgi:app``."""

from cookiegate.web.app import create_wsgi

app = create_wsgi()
