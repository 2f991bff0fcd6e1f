"""Checks of the pages that need no running service: links, navigation, and valid blocks."""

import ast
import itertools
import json
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from PIL import Image
from render_client.v1 import project_pb2, render_service_pb2

from render_service.domain.faults import Faults
from render_service.domain.projects.validation import check_project
from render_service.providers.apis.custom_contract import CustomContract
from render_service.server.mapping.project import project_from_proto
from scripts.build_docs import lay_out
from scripts.documents import ROOT, Block, blocks, links, pages, read
from tests.documents import ELSEWHERE, RUN
from tests.programs import program

# Number of blocks per page that tests cannot run: container engines, the toolchains of Go and Java, downloads.
NOT_RUN = {
    "clients/README.md": 4,
    "docs/how-to/deploy.md": 2,
    "docs/how-to/observe.md": 1,
    "docs/how-to/streaming.md": 2,
    "docs/how-to/voice.md": 2,
    "examples/custom_speech/README.md": 2,
}
SHOWN = {"js", "json", "proto", "yaml", "toml", "text", "ts"}


def all_blocks() -> Iterator[tuple[Path, Block]]:
    for page in pages():
        for block in blocks(read(page)):
            yield page, block


def at(page: Path, block: Block) -> str:
    return f"{page}:{block.line}"


def of(*languages: str) -> list[Any]:
    return [pytest.param(block, id=at(page, block)) for page, block in all_blocks() if block.language in languages]


def test_every_link_leads_to_a_file(tmp_path: Path) -> None:
    lay_out(tmp_path)


def test_every_page_is_in_the_navigation_once() -> None:
    def flat(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [page for each in (entry.values() if isinstance(entry, dict) else entry) for page in flat(each)]

    navigation = flat(tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"])
    linked_only = {"samples/LICENSE.md"}
    assert sorted(navigation) == sorted({str(page) for page in pages()} - linked_only)


def test_every_block_is_run_or_checked_or_says_why_not() -> None:
    unknown = [
        f"{at(page, block)} {block.language}"
        for page, block in all_blocks()
        if block.language not in {*RUN, *SHOWN}
        and not {"file", "not-run"} & block.attributes.keys()
        and page not in ELSEWHERE
    ]
    assert unknown == []


def test_no_other_blocks_are_skipped() -> None:
    skipped = [(page, block) for page, block in all_blocks() if "not-run" in block.attributes]
    assert all(block.attributes["not-run"] for _, block in skipped)
    assert Counter(str(page) for page, _ in skipped) == NOT_RUN


def test_pages_tested_elsewhere_are_read_there() -> None:
    for page, test in ELSEWHERE.items():
        assert (ROOT / page).is_file()
        text = (ROOT / test).read_text(encoding="utf-8")
        assert (page.name if page.name != "README.md" else f'"{page.parent.name}"') in text


def test_output_follows_the_block_that_prints_it() -> None:
    for page in pages():
        found = list(blocks(read(page)))
        for before, block in itertools.pairwise([None, *found]):
            if block is not None and "output" in block.attributes:
                assert before is not None, at(page, block)
                assert before.language in RUN, at(page, block)


@pytest.mark.parametrize("block", of("sh"))
def test_shell_is_valid(block: Block) -> None:
    ran = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("language", ["go", "java"])
def test_templates_for_other_languages_need_only_their_plugins(language: str, tmp_path: Path) -> None:
    template = ROOT / "clients" / language / "buf.gen.yaml"
    ran = subprocess.run(
        [program("buf"), "generate", "proto", "--template", template, "--output", tmp_path],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0 or re.search(r'"(protoc|protoc-gen-[a-z-]+)": executable file not found', ran.stderr), (
        ran.stderr
    )


@pytest.mark.parametrize("block", of("python"))
def test_python_is_valid(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", of("js"))
def test_javascript_is_valid(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "block.mjs"
    file.write_text(block.text, encoding="utf-8")
    ran = subprocess.run([program("node"), "--check", file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("block", of("toml"))
def test_toml_is_valid(block: Block) -> None:
    tomllib.loads(block.text)


@pytest.mark.parametrize("block", of("yaml"))
def test_yaml_is_valid(block: Block) -> None:
    assert list(yaml.safe_load_all(block.text))


@pytest.mark.parametrize("block", of("json"))
def test_json_is_valid_and_projects_in_it_are_accepted(block: Block) -> None:
    value = json.loads(re.sub(r"^\s*//.*$", "", block.text, flags=re.MULTILINE))
    if "storyboard" in value:
        accept(json_format.ParseDict(value, project_pb2.Project()))
    elif "workspace_id" in value and ("project" in value or "project_id" in value):
        is_frame = "format" in value
        kind = render_service_pb2.RenderFrameRequest if is_frame else render_service_pb2.StartRenderRequest
        request = json_format.ParseDict(value, kind())
        if request.HasField("project"):
            accept(request.project)
    elif "submit_path" in value:
        CustomContract.model_validate(value)


def accept(message: project_pb2.Project) -> None:
    faults = Faults()
    project = project_from_proto(message, "project", faults)
    faults.raise_if_any()
    assert check_project(project, "project", lambda _: None, for_render=True) == []


def test_each_question_has_a_short_answer_with_a_link() -> None:
    page = Path("docs/how-to/how-do-i.md")
    questions = re.findall(r"^### ([^\n]+\?)\n\n(.*?)(?=\n##|\Z)", read(page), re.MULTILINE | re.DOTALL)
    assert len({question for question, _ in questions}) == read(page).count("\n### ") >= 50
    assert [question for question, answer in questions if not list(links(answer)) or len(answer.split()) > 60] == []


def test_the_readme_begins_with_three_sentences_a_moving_picture_and_the_commands() -> None:
    first_screen = read(Path("README.md")).partition("\n## ")[0]
    sentences, _, rest = first_screen.partition("\n![")
    assert len(re.findall(r"\.(?=\s)", sentences)) == 3
    with Image.open(ROOT / rest.partition("](")[2].partition(")")[0]) as picture:
        assert getattr(picture, "n_frames", 1) > 1
    commands = next(blocks(first_screen)).text
    assert re.findall(r"^make (\w+)", commands, re.MULTILINE) == ["demo", "test", "dev"]


def test_pictures_of_the_pages_are_small() -> None:
    sizes = {file.name: file.stat().st_size for file in (ROOT / "docs/images").iterdir()}
    assert max(sizes.values()) < 3_000_000
    assert sum(sizes.values()) < 4_000_000
