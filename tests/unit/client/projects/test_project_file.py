"""Project files: read, resolved, and refused with the field's name."""

from pathlib import Path

import pytest
from render_client import ProjectFileError, load_project


def load(folder: Path, text: str) -> object:
    (folder / "p.json").write_text(text, encoding="utf-8")
    return load_project(folder / "p.json")


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


def test_lines_that_begin_with_slashes_are_comments(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('// what this is\n{\n  // the title\n  "title": "// kept"\n}\n')
    assert load_project(tmp_path / "p.json").title == "// kept"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"titel": "x"}', "titel: no such field; did you mean title?"),
        ('{"storyboard": {"shots": [{}, {"captoin": "x"}]}}', "storyboard.shots[1].captoin: no such field"),
        ('{"storyboard": {"shots": [{"duration": "5"}]}}', "storyboard.shots[0].duration: "),
        ('{"storyboard": {"shots": [{"motion": {"focus_x": "left"}}]}}', "storyboard.shots[0].motion.focus_x: "),
        ('{"storyboard": {"shots": {}}}', "storyboard"),
        ('{"mode": "BIG"}', "mode: Invalid enum value BIG"),
        ('{"music": 3}', "music: value of the wrong type"),
        ('{"title": 3}', "title: value of the wrong type"),
        (
            '{"storyboard": {"shots": [{}, {"image_uri": "no.png"}]}}',
            "storyboard.shots[1].image_uri: no such file: no.png",
        ),
        ('{"music": {"uri": "."}}', "music.uri: no such file"),
        ('{\n  "title": ,\n}', "line 2, column 12"),
        ("[]", "not a JSON object"),
        ("", "line 1, column 1"),
        ('{"title": "a", "title": "b"}', "duplicate key title"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_wrong_file_is_refused_on_one_line_naming_file_and_field(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ProjectFileError) as refused:
        load(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'p.json'}: {complaint}")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match="No such file"):
        load_project(tmp_path / "none.json")
    (tmp_path / "p.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProjectFileError, match="UTF-8"):
        load_project(tmp_path / "p.json")
