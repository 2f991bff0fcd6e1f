"""Builds the documentation of the whole repository into out/docs, and fails on broken links.

Pages keep their paths in the repository, together with the files that they link to, so the same links work in both.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.documents import ROOT, linked_file, links, pages, read, without_attributes

SITE = ROOT / "out" / "docs"
STYLE = Path("docs/site.css")


def lay_out(folder: Path) -> None:
    """Copy all pages, and the files that they link to, into a folder.

    Raises:
        ValueError: If links are broken; the message has a line for each.
    """
    faults = []
    files: set[Path] = set()
    for page in pages():
        text = read(page)
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(without_attributes(text), encoding="utf-8")
        for link in links(text):
            try:
                file = linked_file(page, link)
            except ValueError as fault:
                faults.append(str(fault))
            else:
                files |= {file} if file is not None and file not in pages() else set()
    if faults:
        raise ValueError("\n".join(faults))
    for file in {*files, STYLE}:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, folder / file)


def build(site: Path) -> None:
    """Build the site into a folder, replacing its content.

    Raises:
        ValueError: If a link is broken.
    """
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch)
        lay_out(project / "pages")
        shutil.copyfile(ROOT / "zensical.toml", project / "zensical.toml")
        built = subprocess.run(
            [Path(sys.executable).parent / "zensical", "build", "--strict"],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode != 0:
            # The rest is a stack trace of the generator itself.
            raise ValueError((built.stdout + built.stderr).partition("Traceback")[0])
        # Programs read the pages as Markdown, from the addresses that llms.txt names.
        for page in pages():
            shutil.copyfile(project / "pages" / page, project / "site" / page)
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(project / "site", site)


def main() -> int:
    """Build the site."""
    try:
        build(SITE)
    except ValueError as fault:
        print(fault, file=sys.stderr)
        return 1
    print(f"{SITE.relative_to(ROOT)}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
