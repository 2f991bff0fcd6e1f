"""The steps of a job's life as they pass a proxy: a part of a statement's or command's text that no other one has."""

# Statements to Postgres.
START = b"INSERT INTO jobs"
TAKE_OUTBOX = b"WITH due AS"
CLAIM = b"Claimed by a worker"
REPORT = b"greatest(progress, new_progress"
RENEW = b"AS stuck"
COMPLETE = b"message = 'Completed'"
END_ATTEMPT = b"WITH ended AS"
RELEASE = b"Handed over to another worker"
RECLAIM = b"WITH expired AS"

# Commands to Redis: as RESP writes them, see https://redis.io/docs/latest/develop/reference/protocol-spec/.
PUBLISH = b"PUBLISH\r\n"
ENQUEUE = b"$5\r\nRPUSH\r\n"
FETCH = b"$5\r\nfetch\r\n"
ACKNOWLEDGE = b"$3\r\nack\r\n"
