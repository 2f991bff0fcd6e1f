"""Relays the changes of all jobs of a workspace to a Redis Stream, each exactly once, whatever is restarted.

Needs redis and render-client. Run `python redis_stream.py STREAM`. REDIS_URL names Redis; the service is configured as
for the `render` command.
"""

import asyncio
import os
import sys
from contextlib import aclosing

from google.protobuf.json_format import MessageToJson
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004
from render_client import AsyncRenderClient, ClientConfig, RenderError, status_name

# Writes an entry and the cursor together or not at all, and only if the cursor is the one this relay read: a second
# relay writes nothing, nor does this one after a lost reply.
ADD = """
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', 1000000, '*',
    'job_id', ARGV[3], 'sequence', ARGV[4], 'status', ARGV[5], 'event', ARGV[6])
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""


async def relay(client: AsyncRenderClient, redis: Redis, stream: str) -> None:
    """Watch the workspace from the stream's cursor on, until another relay moves the cursor."""
    cursor_key = f"{{{stream}}}:cursor"  # the braces put both keys on the same node of a Redis Cluster
    add = redis.register_script(ADD)
    cursor = str(await redis.get(cursor_key) or "")
    async with aclosing(client.watch_workspace(start=cursor or "oldest")) as changes:
        async for change in changes:
            event = change.event
            assert event is not None  # heartbeats were not asked for
            fields = (event.job_id, event.sequence, status_name(event.status), MessageToJson(event, indent=None))
            if not await add(keys=[stream, cursor_key], args=(cursor, change.cursor, *fields)):
                return
            cursor = change.cursor


async def main(stream: str) -> None:
    redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True, socket_timeout=5)
    async with redis, AsyncRenderClient.from_config(ClientConfig.load()) as client:
        while True:
            try:
                await relay(client, redis, stream)
            except (ConnectionError, TimeoutError) as error:
                print(f"Redis: {error}", file=sys.stderr)
            except RenderError as error:
                if not error.connection_lost:
                    raise  # such as CURSOR_PRUNED: the relay was down for longer than events are kept
                print(f"render service: {error}", file=sys.stderr)
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
