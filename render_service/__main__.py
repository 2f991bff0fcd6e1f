"""`python -m render_service` is `render-service`."""

from render_service.cli import main

main()
