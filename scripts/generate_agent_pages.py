"""Writes llms.txt and docs/reference/contract.md for programs that write code, or checks them (`--check`).

`llms.txt` lists every page with its first sentence. `contract.md` is the contract with all comments and the conventions
of calls in one file. Both are put together from other files, so that nothing is said twice.
"""

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.contract import ROOT, TARGET
from scripts.documents import read

CONTRACT = Path("docs/reference/contract.md")
INDEX = Path("llms.txt")
_PROTOS = (
    "project",
    "output",
    "job",
    "render_service",
    "project_service",
    "webhook_service",
    "brand_service",
    "batch_service",
    "error_reason",
)
_EXAMPLES = ("RenderService/StartRender", "RenderService/WatchProgress", "RenderService/GetJob")
_HEAD = """---
search:
  exclude: true
---

<!-- Written by `make generate`; do not edit. -->

# The contract in one file

For programs that write code, such as coding agents: the whole contract `render.v1` with its comments, and the
conventions of calls. [llms.txt]({index}) lists the other pages.

render-service is a gRPC service that renders storyboards as MP4 videos. The main job: call StartRender with a project
and a `request_id`, watch the job with WatchProgress until its terminal event, then fetch the file with DownloadVideo or
CreateDownloadUrl.

## Calls

- Send the metadata `authorization: Bearer <key>` with every call. The service has gRPC reflection and the standard
  health service; health needs no key.
- Every request names a `workspace_id`. A key is valid for certain workspaces; ids of other workspaces are NOT_FOUND.
- URLs of pictures, clips and sounds must be `https://` unless the operator allows more.
- Omit optional fields rather than guessing values: the mode of the project chooses good ones.
- Durations are `google.protobuf.Duration`; the JSON form is `"2.5s"`.
- Enum values are written with their prefix: `MOTION_KIND_ZOOM_IN`.
- Ignore fields and enum values that you do not know: they are added without a new version.

"""
_PYTHON = """## The shortest program

With the Python client (`pip install 'clients/python[cli]'` in the repository); `RENDER_TARGET`, `RENDER_TOKEN` and
`RENDER_WORKSPACE` are set:

```python
{program}```

A project file:

```json
{project}```

"""
_PROGRAM = """from render_client import ClientConfig, JobFailedError, RenderClient, seconds
from render_client.v1 import project_pb2

shots = [project_pb2.Shot(visual_description="Hello", caption="The first shot.", duration=seconds(1))]
project = project_pb2.Project(title="A card", storyboard=project_pb2.Storyboard(shots=shots))
with RenderClient.from_config(ClientConfig.load()) as client:
    try:
        client.render(project, output="video.mp4")
    except JobFailedError as error:
        raise SystemExit(f"the job failed: {error}")
"""


def contract() -> str:
    """Return the contract and its conventions as one page."""
    quickstart = (ROOT / "samples/quickstart/project.json").read_text(encoding="utf-8")
    page = _HEAD.format(index="../../llms.txt")
    page += _section(Path("clients/README.md"), "What every client should do")
    page += _PYTHON.format(program=_PROGRAM, project=quickstart)
    page += "## Examples\n\nFrom a real run; of a stream, the last message.\n\n" + "".join(_examples())
    page += "## Definitions\n"
    for name in _PROTOS:
        text = (ROOT / f"proto/render/v1/{name}.proto").read_text(encoding="utf-8")
        page += f"\n### {name}.proto\n\n```proto\n{text}```\n"
    return page


def index() -> str:
    """Return the list of all pages, with paths relative to the repository."""
    config = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    text = f"# {config['site_name']}\n\n> {config['site_description']}\n\n"
    text += f"Start with [the contract in one file]({CONTRACT}): everything that a caller needs.\n"
    for entry in config["nav"]:
        [(title, value)] = entry.items()
        text += f"\n## {title}\n\n"
        text += "".join(f"- [{_title(page)}]({page}): {_first_sentence(page)}\n" for page in _pages(value))
    return text


def _section(page: Path, title: str) -> str:
    """Return a section of a page with its heading; its links must be absolute."""
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", read(page), re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{page} has no section {title!r}")
    return found[0].rstrip() + "\n\n"


def _examples() -> Iterator[str]:
    recorded = json.loads((ROOT / TARGET / "examples.json").read_text(encoding="utf-8"))
    for name in _EXAMPLES:
        shown = [recorded[name]["request"], recorded[name]["answers"][-1]]
        blocks = "\n\n".join(f"```json\n{json.dumps(each, indent=2, ensure_ascii=False)}\n```" for each in shown)
        yield f"### {name}\n\n{blocks}\n\n"


def _pages(entry: Any) -> Iterator[Path]:
    if isinstance(entry, str):
        yield Path(entry)
        return
    for each in entry.values() if isinstance(entry, dict) else entry:
        yield from _pages(each)


def _title(page: Path) -> str:
    found = re.search(r"^# (.+)$", _text(page), re.MULTILINE)
    if found is None:
        raise ValueError(f"{page} has no title")
    return found[1]


def _first_sentence(page: Path) -> str:
    """Return the first sentence of a page as plain text."""
    paragraphs = re.split(r"\n\s*\n", _text(page).partition("\n# ")[2])[1:]
    first = next(part for part in paragraphs if re.match(r"(?!```)[A-Z`*\[]", part))
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(first.split())).replace("**", "")
    return re.sub(r":$", ".", re.split(r"(?<=[.:])\s+(?=[A-Z`])", plain, maxsplit=1)[0])


def _text(page: Path) -> str:
    return "\n" + (_HEAD if page == CONTRACT else read(page))


PAGES = {CONTRACT: contract, INDEX: index}


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if a page is stale")
    check = parser.parse_args().check
    stale = 0
    for page, text in PAGES.items():
        target = ROOT / page
        if not check:
            target.write_text(text(), encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != text():
            print(f"stale: {page} (run `make generate`)", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
