"""The usual stack: FastAPI, Celery, Postgres and Redis. Runs in a virtual environment of its own."""
