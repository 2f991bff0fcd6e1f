"""Project files: read, resolved, and refused with the field's name."""

import sys
from pathlib import Path
from textwrap import dedent

import pytest
from render_client import ProjectFileError, load_project
from render_client.projects_file import load_document
from render_client.v1 import output_pb2, project_pb2

KINDS = "none, zoom_in, zoom_out, pan_left, pan_right, pan_up, pan_down, ken_burns, handheld, drift"


def load(folder: Path, text: str, name: str = "p.json") -> project_pb2.Project:
    (folder / name).write_text(text, encoding="utf-8")
    return load_project(folder / name)


def test_relative_paths_become_file_addresses_of_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a b.png").touch()
    (tmp_path / "bed.m4a").touch()
    (tmp_path / "p.json").write_text(
        """{"storyboard": {"shots": [{"caption": "海", "image_uri": "pictures/a b.png"}, {"clipUri": "https://x/y.mp4"}]},
            "music": {"uri": "bed.m4a"}, "watermark": {"uri": "pictures/a b.png"}, "intro_clip_uri": "s3://b/k"}"""
    )
    project = load_project(tmp_path / "p.json")
    picture = f"file://{tmp_path}/pictures/a%20b.png"
    assert [shot.image_uri or shot.clip_uri for shot in project.storyboard.shots] == [picture, "https://x/y.mp4"]
    assert project.music.uri == f"file://{tmp_path}/bed.m4a"
    assert (project.watermark.uri, project.intro_clip_uri) == (picture, "s3://b/k")
    assert project.storyboard.shots[0].caption == "海"


def test_addresses_with_variables_keep_their_places(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(
        """{"storyboard": {"shots": [{"image_uri": "my pictures/{{ city }}.png"}, {"image_uri": "{{image}}"}]},
            "music": {"uri": "https://x/{{city}}.m4a"}}"""
    )
    project = load_project(tmp_path / "p.json")
    uris = [shot.image_uri for shot in project.storyboard.shots]
    assert uris == [f"{tmp_path.as_uri()}/my%20pictures/{{{{ city }}}}.png", "{{image}}"]
    assert project.music.uri == "https://x/{{city}}.m4a"


@pytest.mark.parametrize(
    "text",
    [
        '// what this is\n{\n  // the title\n  "title": "// kept"\n}\n',
        '/* a\n   b */ { /* c */ "title" /* d */ : // e\n "// kept" /* f */ } // end',
    ],
)
def test_json_may_have_comments_anywhere(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == project_pb2.Project(title="// kept")


def test_yaml_says_the_same_as_json(tmp_path: Path) -> None:
    (tmp_path / "boats.jpg").touch()
    in_json = """{"title": "The \\u6d77", "output": {"aspect_ratio": "ASPECT_RATIO_9_16", "fps": 30},
        "music": {"uri": "https://x/y.m4a", "volume": 0.5, "loop": false, "fade_in": "0.5s"},
        "storyboard": {"shots": [{"caption": "a\\nb", "duration": "3s"}, {"image_uri": "boats.jpg", "caption": ""}]}}"""
    in_yaml = """
        # A comment, and another below
        title: The 海   # at the end of a line
        output: {aspect_ratio: 9:16, fps: 30}
        music: &music
          uri: https://x/y.m4a
          volume: 0.5
          loop: false
          fade_in: 0.5s
        storyboard:
          shots:
            - caption: |-
                a
                b
              duration: 3s
            # a comment between shots
            - image_uri: boats.jpg
              caption: ""
        """
    assert load(tmp_path, in_json) == load(tmp_path, dedent(in_yaml), "p.yaml")


@pytest.mark.parametrize("kind", ["MOTION_KIND_ZOOM_IN", "ZOOM_IN", "zoom_in"])
def test_enum_values_may_be_short(tmp_path: Path, kind: str) -> None:
    text = f'{{"$schema": "x.json", "storyboard": {{"shots": [{{"motion": {{"kind": "{kind}"}}}}]}}}}'
    project = load(tmp_path, text)
    assert project.storyboard.shots[0].motion.kind == project_pb2.MOTION_KIND_ZOOM_IN


@pytest.mark.parametrize("ratio", ["16:9", "16_9", "ASPECT_RATIO_16_9"])
def test_aspect_ratios_may_be_written_as_people_do(tmp_path: Path, ratio: str) -> None:
    project = load(tmp_path, f"output:\n  aspect_ratio: {ratio}\n", "p.yml")
    assert project.output.aspect_ratio == output_pb2.ASPECT_RATIO_16_9


def test_all_faults_are_reported_at_once_with_line_and_column(tmp_path: Path) -> None:
    in_yaml = """\
        titel: Sea
        language: 7
        output: {size: {width: wide}, aspect_ratio: 9:16}
        storyboard:
          shots:
            - captoin: x
              duration: 3
            - motion: {kind: zoomin}
              image_uri: none.png
        """
    in_json = """\
        {"titel": "Sea",
        "language": 7,
        "output": {"size": {"width": "wide"}, "aspect_ratio": "9:16"},
        "storyboard": {
          "shots": [
            { "captoin": "x",
              "duration": 3},
            { "motion": {"kind": "zoomin"},
              "image_uri": "none.png"}]}}
        """
    expected = [
        (1, 1, "titel: no such field; did you mean title?"),
        (2, 11, 'language: must be text: put it in quotes, "7"'),
        (3, 24, "output.size.width: must be a whole number of at most 32 bits"),
        (3, 31, "output.aspect_ratio: excludes size; give one of them"),
        (6, 7, "storyboard.shots[0].captoin: no such field; did you mean caption?"),
        (7, 17, 'storyboard.shots[0].duration: must be a duration in seconds, such as "2.5s"'),
        (8, 22, f"storyboard.shots[1].motion.kind: must be one of {KINDS}; did you mean zoom_in?"),
        (9, 18, "storyboard.shots[1].image_uri: no such file: none.png"),
    ]
    for name, text in (("p.yaml", in_yaml), ("p.json", in_json)):
        with pytest.raises(ProjectFileError) as refused:
            load(tmp_path, dedent(text), name)
        lines = str(refused.value).splitlines()
        assert [line.split(": ", 1)[1] for line in lines] == [fault for _, _, fault in expected]
        places = [(fault.line, fault.column) for fault in refused.value.faults]
        assert lines[0].startswith(f"{tmp_path / name}:{places[0][0]}:{places[0][1]}: ")
        assert [line for line, _ in places] == [line for line, _, _ in expected]
        if name == "p.yaml":
            assert places == [(line, column) for line, column, _ in expected]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"storyboard": {"shots": [{"duration": "5"}]}}', "1:40: storyboard.shots[0].duration: must be a duration"),
        ('{"storyboard": {"shots": {}}}', "1:26: storyboard.shots: must be a list"),
        ('{"mode": "BIG"}', "1:10: mode: must be one of standard, short, slideshow"),
        ('{"mode": []}', "1:10: mode: must be one of"),
        ('{"mode": 169}', "1:10: mode: must be one of"),
        ('{"music": 3}', "1:11: music: must be an object"),
        ('{"music": {"loop": 1}}', "1:20: music.loop: must be true or false"),
        ('{"music": {"volume": "loud"}}', "1:22: music.volume: must be a number"),
        ('{"title": ["a"]}', "1:11: title: must be text"),
        ('{"title": "\\ud800"}', "1:11: title: contains half of a surrogate pair"),
        ('{"music": {"uri": "."}}', "1:19: music.uri: no such file: ."),
        ('{"music": {"uri": "a\\u0000"}}', "1:19: music.uri: no such file"),
        ('{"title": "a", "title": "b"}', "1:16: title: given twice"),
        ('{"endCard": {}, "end_card": {}}', "1:17: end_card: given twice"),
        ('{"title": null, "title": "b"}', "1:17: title: given twice"),
        ('{"$schema": "a", "$schema": "b"}', "1:18: $schema: given twice"),
        ('{"storyboard": {"shots": [{"$schema": "x"}]}}', "1:28: storyboard.shots[0].$schema: no such field"),
        ('{\n  "title": ,\n}', "2:12: expected a value"),
        ('{"title": Sea}', "1:11: Sea: text needs double quotes"),
        ('{"title": "a",}', "1:14: expected no ',' before '}'"),
        ('{"title": "a" "mode"', "1:15: expected ',' or '}'"),
        ('{"title" "a"}', "1:10: expected ':' after the field name"),
        ('{"title": "a', "1:11: unterminated string"),
        ('{"title": "a"} x', "1:16: unexpected text after the end"),
        ("{ /* x", "1:3: comment without an end"),
        ("[]", "1:1: must be an object"),
        ("", "1:1: expected a value"),
        ("[" * 100_000, "1:66: nested too deeply"),
        ('{"title": ' + "1" * 5_000 + "}", "1:11: number of too many digits"),
    ],
)
def test_wrong_json_is_refused_on_one_line_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ProjectFileError) as refused:
        load(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'p.json'}:{complaint}")
    assert "\n" not in str(refused.value)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{former}'] * 10)}]\n" for former, name in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("title: [", "1:9: "),
        ("title: a: b", "1:9: mapping values are not allowed here"),
        ("title: 'a", "1:10: found unexpected end of stream"),
        ("title: a\n---\ntitle: b", "2:1: "),
        ("title: !!binary aGk=", "1:8: aGk=: not a value of tag tag:yaml.org,2002:binary"),
        ("title: !x {}", "1:8: tag !x: not supported"),
        ("? [a]\n: b", "1:3: a field name must be text"),
        ("title: \x07", "1:8: character that YAML does not allow"),
        ("# nothing", "1:1: empty"),
        ("- a", "1:1: must be an object"),
        ("&a storyboard: &b {shots: [*b]}", "nested too deeply"),
        ("[" * 100 + "]" * 100, "nested too deeply"),
        (BOMB, "aliases repeat more than 20,000 values"),
    ],
)
def test_wrong_yaml_is_refused_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ProjectFileError) as refused:
        load(tmp_path, text, "p.yaml")
    assert complaint in str(refused.value)


def test_yaml_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    with pytest.raises(ProjectFileError, match=r"pip install 'render-client\[yaml\]'"):
        load(tmp_path, "title: a", "p.yaml")


def test_the_place_of_a_field_is_that_of_the_nearest_one_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("storyboard:\n  shots:\n    - caption: a\n    - {}\n")
    document = load_document(tmp_path / "p.yaml")
    fields = ("storyboard.shots[1].duration", "storyboard.shots[0].caption", "storyboard.shots", "music.uri")
    assert [document.place(field) for field in fields] == [(4, 7), (3, 16), (3, 5), None]


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match="No such file"):
        load_project(tmp_path / "none.json")
    (tmp_path / "p.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProjectFileError, match="UTF-8"):
        load_project(tmp_path / "p.json")
