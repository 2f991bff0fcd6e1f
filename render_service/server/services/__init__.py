"""The services of the contract, and what their handlers share."""
