"""Brand kits: the fonts, colors, logo and more that the videos of a workspace share."""
