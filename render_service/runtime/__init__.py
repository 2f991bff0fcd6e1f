"""What every process of the service needs to start, to run and to stop."""
