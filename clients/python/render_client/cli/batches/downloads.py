"""Downloads the videos of a batch, each under the key or the number of its row."""

from __future__ import annotations

import re
from pathlib import Path

from render_client.cli.options import Artifact
from render_client.cli.output import Output
from render_client.sync import RenderClient

_UNSAFE = re.compile(r"[^\w.-]+")


def download_videos(client: RenderClient, output: Output, batch_id: str, folder: Path) -> None:
    """Download the videos of all completed rows that are not in a folder yet.

    Args:
        client: Connected client.
        output: Where to report each file.
        batch_id: The batch.
        folder: Where to save them; made if it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for job in client.list_batch_jobs(batch_id, statuses=["COMPLETED"]):
        ending = Path(Artifact.VIDEO.file_name(job)).suffix
        # Two keys can have the same safe form: the number tells them apart.
        name = _UNSAFE.sub("_", job.batch.key).strip("._")[:80]
        path = folder / (f"{job.batch.row + 1:05d}" + (name and f"-{name}") + ending)
        if not path.exists():
            client.download(job.job_id, path)
            count += 1
            if output.machine:
                output.value({"row": job.batch.row, "key": job.batch.key, "job_id": job.job_id, "path": str(path)})
            else:
                output.say(f"saved {path}")
    output.say(f"{count} videos downloaded to {folder}")
