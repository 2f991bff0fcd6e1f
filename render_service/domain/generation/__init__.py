"""Models of providers, and the clips that a project needs from them."""
