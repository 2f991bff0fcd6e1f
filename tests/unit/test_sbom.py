"""The bill of materials and the notice name what an installation contains."""

import json
import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_COPYLEFT = re.compile(r"GPL|Lesser General Public|Mozilla", re.IGNORECASE)


def pinned() -> set[tuple[str, str]]:
    """Names and versions of what `requirements/runtime.txt` installs."""
    return set(_PINNED.findall((ROOT / "requirements/runtime.txt").read_text(encoding="utf-8")))


def test_the_bill_of_materials_names_every_pinned_package_with_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "sbom.json"
    # The environment of the tests is the one that `setup` makes.
    subprocess.run(["make", "--silent", "-o", "setup", "sbom", f"SBOM={path}"], cwd=ROOT, check=True, timeout=120)
    bill = json.loads(path.read_bytes())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "render-service"
    assert {(one["name"], one["version"]) for one in bill["components"]} == pinned()
    for one in bill["components"]:
        hashes = [known for reference in one["externalReferences"] for known in reference.get("hashes", ())]
        assert any(known["alg"] == "SHA-256" for known in hashes), one["name"]
        assert one["purl"].startswith("pkg:pypi/"), one["name"]


@pytest.mark.parametrize("part", ["FFmpeg", "OpenSSL", "libx264", "libpq"])
def test_the_notice_names_the_libraries_that_wheels_bundle(part: str) -> None:
    assert part in (ROOT / "NOTICE").read_text(encoding="utf-8")


def test_the_notice_names_every_package_under_a_licence_with_duties() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    found = set()
    for name, _ in pinned():
        try:
            package = dict(metadata.metadata(name).json)
        except metadata.PackageNotFoundError:
            continue  # of another platform
        classifiers = [line for line in package.get("classifier", ()) if line.startswith("License ::")]
        licence = " ".join([str(package.get("license_expression") or package.get("license") or ""), *classifiers])
        if _COPYLEFT.search(licence):
            found.add(name)
    assert {"psycopg", "psycopg-binary", "dramatiq", "certifi"} <= found
    assert not {name for name in found if name not in notice}
