"""The built documentation site: search finds words where they belong, links lead to headings, nothing is fetched."""

import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from scripts.build_docs import build
from scripts.documents import pages, read

# Where a reader who searches for these words must be led, besides the glossary.
FOUND_ON = {
    "pre-signed URL": {
        "docs/reference/api/render-service.html",
        "docs/reference/security.html",
        "docs/how-to/receive-webhooks.html",
    },
    "autoscaling": {"docs/how-to/deploy.html", "docs/reference/metrics.html", "docs/reference/operating.html"},
    "thumbnail": {
        "docs/explanation/rendering.html",
        "docs/how-to/storyboard.html",
        "docs/reference/api/job.html",
    },
    "notification": {
        "docs/how-to/receive-webhooks.html",
        "docs/reference/webhooks.html",
        "docs/reference/api/webhook-service.html",
    },
    "idempotency": {
        "clients/index.html",
        "docs/explanation/how-a-job-lives.html",
        "docs/reference/custom-provider.html",
        "docs/reference/api/render-service.html",
        "docs/reference/webhooks.html",
    },
}
# What people type who do not know the words of this service yet, and a page that must answer.
ASKED = {
    "subtitles": "docs/reference/captions.html",
    "vertical video": "docs/how-to/how-do-i.html",
    "TikTok": "docs/how-to/storyboard.html",
    "logo": "docs/how-to/storyboard.html",
    "voice-over": "docs/how-to/how-do-i.html",
    "text-to-speech": "docs/how-to/voice.html",
    "background music": "docs/how-to/storyboard.html",
    "price": "docs/how-to/use-a-paid-provider.html",
    "AI video": "docs/how-to/use-a-paid-provider.html",
    "rate limit": "docs/reference/security.html",
    "API key": "docs/reference/security.html",
    "Docker": "docs/how-to/deploy.html",
    "Kubernetes": "docs/how-to/deploy.html",
    "Prometheus": "docs/how-to/observe.html",
    "browser": "docs/how-to/relay-progress.html",
    "WebSocket": "docs/how-to/relay-progress.html",
    "callback": "docs/how-to/receive-webhooks.html",
    "retry": "clients/index.html",
    "timeout": "clients/python/index.html",
    "Ken Burns": "docs/how-to/storyboard.html",
    "batch": "docs/how-to/templates.html",
    "GDPR": "docs/reference/retention.html",
    "localhost": "docs/tutorial/first-video.html",
}
# Words of which a heading must have one, since search ranks headings above text.
HEADINGS = ("pre-signed URL", "autoscaling", "thumbnail", "notification", "idempotency")
GLOSSARY = Path("docs/reference/glossary.md")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    build(folder)
    return folder


@pytest.fixture(scope="module")
def index(site: Path) -> list[dict[str, str]]:
    """The sections of the site's search index: `location`, `title`, `text`."""
    items: list[dict[str, str]] = json.loads((site / "search.json").read_text(encoding="utf-8"))["items"]
    return items


@pytest.mark.parametrize("word", FOUND_ON)
def test_search_finds_words_on_the_pages_where_they_belong(index: list[dict[str, str]], word: str) -> None:
    found = {
        urldefrag(item["location"]).url for item in index if word.lower() in f"{item['title']} {item['text']}".lower()
    }
    assert FOUND_ON[word] <= found, FOUND_ON[word] - found
    assert "docs/reference/glossary.html" in found


def test_search_finds_what_people_type(index: list[dict[str, str]]) -> None:
    missing = {}
    for words, page in ASKED.items():
        texts = [f"{item['title']} {item['text']}" for item in index if urldefrag(item["location"]).url == page]
        if not any(words.lower() in text.lower() for text in texts):
            missing[words] = page
    assert missing == {}


@pytest.mark.parametrize("word", HEADINGS)
def test_search_finds_a_heading_with_each_word(index: list[dict[str, str]], word: str) -> None:
    assert any(word.lower() in item["title"].lower() for item in index)


def test_the_glossary_explains_each_word_once() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| \[", read(GLOSSARY), re.MULTILINE)
    words = Counter(word for row in rows for word in row.split(", "))
    assert len(words) > 60
    assert [word for word, number in words.items() if number > 1] == []


def test_links_to_headings_lead_to_headings(site: Path) -> None:
    texts = {file: file.read_text(encoding="utf-8") for file in site.rglob("*.html")}
    ids = {file: set(re.findall(r' id="?([^\s">]+)', text)) for file, text in texts.items()}
    missing = []
    for file, text in texts.items():
        for link in re.findall(r' href="?([^\s">]+)', text):
            path, heading = urldefrag(link)
            target = (file.parent / path).resolve() if path else file
            if heading and target in ids and unquote(heading) not in ids[target]:
                missing.append(f"{file.relative_to(site)}: {link}")
    assert missing == []


def test_nothing_of_the_site_is_fetched_from_elsewhere(site: Path) -> None:
    loads = re.compile(r"<(?:script|img|iframe|source)[^>]* src=[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//")
    style = re.compile(r"<link[^>]* rel=[\"']?(?:stylesheet|preload|preconnect|icon)[^>]* href=[\"']?(?:https?:)?//")
    texts = {file: file.read_text(encoding="utf-8") for file in site.rglob("*") if file.suffix in {".html", ".css"}}
    assert len(texts) > len(pages())
    assert [file.name for file, text in texts.items() if loads.search(text) or style.search(text)] == []
