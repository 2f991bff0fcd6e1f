"""Fan-out of progress over Redis: the publisher on the worker's side, the hub and the watches on the server's."""
