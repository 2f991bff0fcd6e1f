"""`python -m render_service` is `render-service`."""

from render_service.cli.main import main

main()
