"""The groups of commands for what the videos of a brand share."""

from render_client.cli.brand.fonts import fonts
from render_client.cli.brand.kits import kits

BRAND_GROUPS = (kits, fonts)
