"""The web process: ``gunicorn backoffice.wsgi``."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
os.environ.setdefault("STATEMENT_TIMEOUT", "30s")  # a page never holds a connection longer than this

application = get_wsgi_application()
