"""The page runner detects faults: it reads blocks completely, names failures, and reports wrong output."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import tests.documents
from scripts.documents import blocks, linked_file, links, without_attributes
from tests.documents import Reader

PAGE = """# Page

[good](README.md#top) `[code](nowhere)` ![picture](docs/images/demo.jpg) [far](https://example.com)

```sh background="8900"
echo "[text](not-a-link)"
```

1. In a list:

   ```python file="saved.py"
   if True:
       print("saved")
   ```
"""


def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Run a page with this text, without a service."""
    monkeypatch.setattr(tests.documents, "read", lambda _: text)
    stack = cast("Any", SimpleNamespace(settings={}, target="127.0.0.1:1"))
    Reader(stack, "rk_x", "id", tmp_path).follow(Path("page.md"))


def test_blocks_are_read_with_their_attributes_and_without_indentation() -> None:
    shell, python = blocks(PAGE)
    assert (shell.language, shell.attributes, shell.line) == ("sh", {"background": "8900"}, 6)
    assert (python.attributes, python.text) == ({"file": "saved.py"}, 'if True:\n    print("saved")\n')
    assert "background" not in without_attributes(PAGE)
    assert "```sh\n" in without_attributes(PAGE)


def test_links_are_those_that_a_reader_sees() -> None:
    assert list(links(PAGE)) == ["README.md#top", "docs/images/demo.jpg"]
    with pytest.raises(ValueError, match="no such file: docs"):
        linked_file(Path("page.md"), "docs")


def test_a_page_runs_in_one_shell_and_finds_the_repository_and_saved_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(
        tmp_path,
        monkeypatch,
        "```sh\nNAME=there\ntest -f samples/quickstart/project.json\nmake dev\n```\n"
        '```python file="saved.py"\nprint("hello")\n```\n'
        "```sh\necho $NAME\npython saved.py\n```\n"
        "```text output\nthere\n…llo\n```\n",
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```sh\ntrue\n```\n\n```sh\necho why\nfalse\n```\n", r"page\.md:6 ends with 1:\nwhy"),
        ("```python\nraise SystemExit(3)\n```\n", r"page\.md:2 ends with 3"),
        ("```sh\necho other\n```\n```text output\nthis\n```\n", r"page\.md:5 shows other output than was printed"),
        ("```sh\nmake nothing\n```\n", "the Makefile has no target or setting nothing"),
        ("```sh\nmake robustness WINDS=3\n```\n", "the Makefile has no target or setting WINDS"),
    ],
)
def test_failing_blocks_and_wrong_output_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, error: str
) -> None:
    with pytest.raises(AssertionError, match=error):
        follow(tmp_path, monkeypatch, text)


def test_nothing_that_a_page_starts_outlives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    follow(
        tmp_path,
        monkeypatch,
        f"```sh background\necho $$ > {pid}\nsleep 600\n```\n```sh\nuntil test -s {pid}; do :; done\n```\n",
    )
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()
