"""`python -m render_service.health`, the older name of `render_service.runtime.health_probe`."""

import sys

from render_service.runtime.health_probe import main

if __name__ == "__main__":
    sys.exit(main())
