"""Web process in production: gunicorn backoffice.wsgi -c deploy/gunicorn.conf.py. GUNICORN_CMD_ARGS and WEB_CONCURRENCY override."""

bind = "127.0.0.1:8000"
worker_class = "gthread"
workers = 2
threads = 4
preload_app = True
timeout = 120  # an upload of 200 MB over a slow line
graceful_timeout = 30
max_requests = 2000
max_requests_jitter = 200
control_socket_disable = True
accesslog = None  # every request is one line of the application's own log, without query strings
