"""The APIs of the providers, one module each."""
