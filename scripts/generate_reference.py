"""Writes the pages of settings and metrics from the code, or checks that they are up to date (`--check`)."""

import argparse
import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from prometheus_client import CollectorRegistry
from pydantic_core import PydanticUndefined

from render_service.config.names import variable_of
from render_service.config.settings import Settings
from render_service.telemetry.metrics.server import SERVER
from render_service.telemetry.metrics.shared import SHARED
from render_service.telemetry.metrics.worker import WORKER

REFERENCE = Path(__file__).resolve().parent.parent / "docs/reference"
HEAD = """# Configuration

Settings come from environment variables, or from lines `NAME=value` of the file that `RENDER_CONFIG` names. The
environment takes precedence. An invalid setting stops the start with one line that names it. `render-service doctor`
checks whether the stores and providers that the settings point at work.

| setting | default | meaning |
|---|---|---|
"""


def configuration() -> str:
    """Return the page."""
    rows = []
    meanings = dict(_docstrings(Settings))
    for name, field in Settings.model_fields.items():
        variable = variable_of(name, field)
        meaning = " ".join(meanings.get(name, "").removeprefix(f"{variable}: ").split())
        default = field.default
        if field.default_factory is not None:
            shown = "one per core"
        elif default is None or default is PydanticUndefined or default == ():
            shown = ""
        else:
            shown = f"`{default}`"
        rows.append(f"| `{variable}` | {shown} | {meaning[:1].upper()}{meaning[1:]} |")
    return HEAD + "\n".join(sorted(rows)) + "\n"


def _docstrings(settings: type) -> Iterator[tuple[str, str]]:
    """Yield the fields of a class and its bases with the strings below them, a class after its bases."""
    for part in reversed([part for part in settings.__mro__ if part.__module__.startswith("render_service.")]):
        [body] = ast.parse(textwrap.dedent(inspect.getsource(part))).body
        assert isinstance(body, ast.ClassDef)
        for field, text in pairwise(body.body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(docstring))):
                    yield name, docstring


METRICS = """# Metrics

Every server and every worker serves these metrics at `/metrics`, on the address set by `RENDER_METRICS_LISTEN`. See
[Operating](operating.md) for how to read them and [autoscaling](../how-to/deploy.md#autoscaling) for scaling by them.
No metric has a workspace or a job as a label. A histogram `…_seconds` has the series `…_seconds_bucket`,
`…_seconds_sum` and `…_seconds_count`.
"""


def metrics() -> str:
    """Return the page."""
    page = METRICS
    for title, registry in (
        ("Servers and workers", SHARED),
        ("Servers", SERVER),
        ("Workers", WORKER),
    ):
        page += f"\n## {title}\n\n| metric | type | meaning |\n|---|---|---|\n" + "\n".join(_rows(registry)) + "\n"
    return page


def _rows(registry: CollectorRegistry) -> Iterator[str]:
    for metric in registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        # Not from its samples: a metric without observations has none.
        collector = registry._names_to_collectors.get(metric.name)  # noqa: SLF001
        labels = ",".join(getattr(collector, "_labelnames", ()))
        yield f"| `{name}{f'{{{labels}}}' if labels else ''}` | {metric.type} | {metric.documentation} |"


PAGES = {"configuration.md": configuration, "metrics.md": metrics}


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if a page is stale")
    check = parser.parse_args().check
    stale = 0
    for name, page in PAGES.items():
        target = REFERENCE / name
        if not check:
            target.write_text(page(), encoding="utf-8")
        elif target.read_text(encoding="utf-8") != page():
            print(f"stale: docs/reference/{name} (run `make generate`)", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
