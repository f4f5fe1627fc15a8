"""HTTP API of messaging; `backoffice/api.py` assembles the routers."""
