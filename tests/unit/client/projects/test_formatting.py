"""Formatting changes layout and names only: values and comments stay, and a second time changes nothing."""

import re
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from render_client.projects_file import ProjectFileError, load_project
from render_client.projects_file.formatting import format_project
from render_client.projects_file.json_reader import read_json
from render_client.projects_file.json_writer import write_json
from render_client.projects_file.tree import plain

ROOT = Path(__file__).resolve().parents[4]


def formatted(folder: Path, name: str, text: str) -> str:
    """A formatted file, which formatting again does not change."""
    file = folder / name
    file.write_text(dedent(text), encoding="utf-8")
    project = load_project(file)
    first = format_project(file)
    file.write_text(first, encoding="utf-8")
    assert format_project(file) == first
    assert load_project(file) == project
    return first


def test_json_gets_one_layout_full_names_and_keeps_its_comments(tmp_path: Path) -> None:
    text = """\
        // about the file
        { "title" : "海",   // the title


        /* the mode */ "mode":"short", "output":{"aspectRatio":"9:16", "fps":30},
        "storyboard": {"shots": [
            {"motion": {"kind": "ZOOM_IN"} // moves
            },
            // no second shot
        {"caption": "", "clipSound": false}]}, "title_card": {}
        // the end
        }
        // behind
        """
    assert formatted(tmp_path, "p.json", text) == dedent(
        """\
        // about the file
        {
          "title": "海", // the title

          /* the mode */
          "mode": "PROJECT_MODE_SHORT",
          "output": { "aspect_ratio": "ASPECT_RATIO_9_16", "fps": 30 },
          "storyboard": {
            "shots": [
              {
                "motion": { "kind": "MOTION_KIND_ZOOM_IN" } // moves
              },
              // no second shot
              { "caption": "", "clip_sound": false }
            ]
          },
          "title_card": {}
          // the end
        }
        // behind
        """
    )


def test_yaml_gets_one_layout_short_names_and_keeps_its_comments(tmp_path: Path) -> None:
    text = """\

        # about the file

        title:   "海"   # the title
        mode: PROJECT_MODE_SHORT
        output: {aspectRatio: ASPECT_RATIO_9_16, fps: 30}
        storyboard:
           shots:
           # the first
           - visualDescription: |  # in lines
                # no comment
                b
             clipSound: false

           - motion:
                      # moves
                      kind: "ZOOM_IN"
           # no third shot
        # the end
        """
    assert formatted(tmp_path, "p.yaml", text) == dedent(
        """\
        # about the file

        title: "海"     # the title
        mode: short
        output: {aspect_ratio: 9:16, fps: 30}
        storyboard:
          shots:
            # the first
            - visual_description: |  # in lines
                # no comment
                b
              clip_sound: false

            - motion:
                # moves
                kind: "zoom_in"
           # no third shot
        # the end
        """
    )


BLANKS = st.text(" \n", max_size=3)
COMMENTS = st.sampled_from(["// a\n", "/* b */", "/* c\n  d */", "// {}\n"])
GAPS = st.lists(BLANKS | COMMENTS, max_size=3).map("".join)
SCALARS = st.sampled_from(['"x"', '"// y"', "1", "-2.50e3", "true", "null", '"/* z */"', '"a\\nb"'])


def _containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    value = st.tuples(GAPS, inner, GAPS).map("".join)
    member = st.tuples(GAPS, st.sampled_from(['"a"', '"b c"']), GAPS, st.just(":"), value).map("".join)
    items = st.one_of(
        st.lists(value, max_size=3).map(lambda each: ("[", ",".join(each), "]")),
        st.lists(member, max_size=3).map(lambda each: ("{", ",".join(each), "}")),
    )
    return st.tuples(items, GAPS).map(lambda pair: pair[0][0] + pair[0][1] + pair[1] + pair[0][2])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.tuples(GAPS, st.recursive(SCALARS, _containers, max_leaves=6), GAPS).map("".join))
def test_writing_json_keeps_values_and_comments_and_is_stable(text: str) -> None:
    def comments(of: str) -> Counter[str]:
        without_strings = re.sub(r'"(?:[^"\\]|\\.)*"', '""', of)
        return Counter(re.findall(r"// (?:a|\{\})|/\* b \*/|/\* c", without_strings))

    document = read_json(text)
    written = write_json(document)
    again = read_json(written)
    assert plain(again.root) == plain(document.root)
    assert comments(written) == comments(text)
    assert write_json(again) == written


@pytest.mark.parametrize("path", sorted(ROOT.glob("samples/*/project.json")), ids=lambda path: str(path.parent.name))
def test_the_samples_are_formatted(path: Path) -> None:
    assert format_project(path) == path.read_text("utf-8")


@pytest.mark.parametrize(("name", "text"), [("p.json", '{"titel": 1}'), ("p.yaml", "titel: 1"), ("p.yaml", "a: [")])
def test_an_invalid_file_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ProjectFileError):
        format_project(tmp_path / name)


def test_a_comment_before_the_mark_of_the_documents_start_is_kept(tmp_path: Path) -> None:
    assert formatted(tmp_path, "p.yaml", "# a\n---\n# b\ntitle: c # d\n") == "# a\n# b\ntitle: c # d\n"
