"""`render-service dev`: runs the whole system in the foreground and keeps its data between runs."""

import asyncio
import os
import signal
from pathlib import Path

from render_service.embedded.ports import LOOPBACK, free_port, is_free
from render_service.embedded.process import ProcessFailed
from render_service.embedded.session import WORKSPACE, command, grpcurl_line, key_of, make_stack


def run_dev(data: Path, port: int, allowed: tuple[Path, ...] = (), *, http_port: int = 0) -> int:
    """Run the system until Ctrl-C.

    Args:
        data: Folder for all data.
        port: Port of the gRPC server; 0 picks a free one.
        allowed: Folders whose files projects may name, beside the current folder and those in RENDER_FILE_ROOTS.
        http_port: Port of the gateway to HTTP; a free one is chosen where it is 0 or in use.

    Returns:
        The exit code: 0 after Ctrl-C, 1 if the port is in use or a process exited.
    """
    if port and not is_free(port):
        print(f"Port {port} of {LOOPBACK} is in use. Stop what listens on it, or choose another with --port.")
        return 1
    if not http_port or not is_free(http_port):
        http_port = free_port()
    configured = (Path(root) for root in os.environ.get("RENDER_FILE_ROOTS", "").split(":") if root)
    try:
        return asyncio.run(_run(data, port or None, http_port, (Path.cwd(), *allowed, *configured)))
    except ProcessFailed as failure:
        print(failure)
        return 1


async def _run(data: Path, port: int | None, http_port: int, file_roots: tuple[Path, ...]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stack = make_stack(data, port=port, http_port=http_port, file_roots=file_roots)
    async with stack:
        key = await key_of(stack)
        print(
            f"\nThe render service is running. Data and logs: {data}/\n\n"
            f"  endpoint   {stack.target}\n"
            f"  HTTP       {stack.http_url}\n"
            f"  workspace  {WORKSPACE}\n"
            f"  token      {key}\n\n"
            f"Try it:\n\n  {grpcurl_line(stack.target, key, 'render.v1.RenderService/ListJobs', _LIST)}\n\n"
            f"  curl -H 'Authorization: Bearer {key}' {stack.http_url}/v1/workspaces/{WORKSPACE}/jobs\n\n"
            f"  export RENDER_TARGET={stack.target} RENDER_WORKSPACE={WORKSPACE} RENDER_TOKEN={key}\n"
            f"  {command('render')} start samples/quickstart/project.json --watch\n\nCtrl-C stops everything.",
            flush=True,
        )
        stopping, ended = asyncio.create_task(stop.wait()), asyncio.create_task(stack.first_end())
        await asyncio.wait((stopping, ended), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise ended.result()
        ended.cancel()
        print("\nStopping …", flush=True)
    return 0


_LIST = f'{{"workspace_id": "{WORKSPACE}"}}'
