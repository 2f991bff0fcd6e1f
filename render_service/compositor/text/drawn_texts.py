"""The texts that a render draws, normalised for drawing, and their main language."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from render_service.compositor.text.fonts import guess_language
from render_service.domain.cards.model import card_texts
from render_service.domain.layers.brand import BrandFonts
from render_service.domain.layers.model import Layer
from render_service.domain.projects.delivery.ai_label import LABEL_FIELD, LABEL_ID
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.reading import shown_caption
from render_service.domain.projects.sequence import END_ID, TITLE_ID

# Direction follows from the text itself; stray embeddings and isolates left by an editor would break it.
_DROPPED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u00ad\u202a-\u202e\u2066-\u2069\ufeff]")
_SPACES = re.compile("[ \t\u1680\u2000-\u2006\u2008-\u200a\u205f]+")
_LINE_ENDS = re.compile("[ \u3000]*\n\\s*")


def clean_text(text: str) -> str:
    """Return a text as it is drawn: NFC, single spaces, no control characters, no empty lines."""
    joined = re.sub("\r\n?|\u0085|\u2028|\u2029", "\n", unicodedata.normalize("NFC", text))
    return _LINE_ENDS.sub("\n", _SPACES.sub(" ", _DROPPED.sub("", joined))).strip()


def caption_text(project: Project, shot: Shot) -> str:
    """Return the caption of a shot, or its narration in modes that caption narration; may be empty."""
    return clean_text(shown_caption(project, shot))


@dataclass(frozen=True, slots=True)
class DrawnText:
    """A text that is drawn.

    Args:
        shot_id: Its shot; `@title` and `@end` for these cards, empty for the project.
        field: Its field.
        text: What is drawn.
        fonts: Names of the fonts that may draw it: one, or those of a brand that its layout chooses from.
        weight: Of its letters; None where its layout chooses it.
        italic: Whether its letters slant.
    """

    shot_id: str
    field: str
    text: str
    fonts: tuple[str, ...] = ("",)
    weight: int | None = None
    italic: bool = False


# Texts of cards in letters so large and heavy that they have the heading's font, and those that have it in some frames.
_HEADINGS = frozenset(
    (
        *("card.statistic.prefix", "card.statistic.suffix", "card.list.title", "card.chart.title"),
        *("card.comparison.title", "card.chapter.title", "card.call_to_action.text", "card.call_to_action.button"),
        *("card.credits.title", "card.lower_third.name"),
    )
)
_SOMETIMES_HEADINGS = frozenset(
    ("card.quote.text", "card.chart.unit", "card.comparison.left.title", "card.comparison.right.title")
)


def _card_fonts(field: str, fonts: BrandFonts) -> tuple[str, ...]:
    heading = fonts.heading or fonts.body
    if field in _SOMETIMES_HEADINGS:
        return (heading, fonts.body)
    return (heading,) if field in _HEADINGS else (fonts.body,)


def drawn_texts(project: Project, carded: Collection[str]) -> Iterator[DrawnText]:
    """Yield all texts that a render draws into the picture.

    Args:
        project: The project.
        carded: Ids of the shots without a picture, which become cards.
    """
    fonts = project.brand.fonts if project.brand else BrandFonts()
    heading, body = (fonts.heading or fonts.body,), (fonts.body,)
    for owner, name, card in ((TITLE_ID, "title_card", project.title_card), (END_ID, "end_card", project.end_card)):
        if card is not None:
            yield DrawnText(owner, f"{name}.title", clean_text(card.title), heading)
            yield DrawnText(owner, f"{name}.subtitle", clean_text(card.subtitle), body)
    yield from _layer_texts("", project.layers)
    for shot in project.shots:
        yield from _layer_texts(shot.id, shot.layers)
        if shot.card:
            for name, text in card_texts(shot.card):
                yield DrawnText(shot.id, name, clean_text(text), _card_fonts(name, fonts))
        if project.captions.burn_in is not False:
            field = "narration" if shot.caption is None else "caption"
            yield DrawnText(shot.id, field, caption_text(project, shot), (project.captions.font,))
        if shot.id in carded:
            yield DrawnText(shot.id, "visual_description", clean_text(shot.visual_description), body)


def _layer_texts(shot_id: str, layers: Iterable[Layer]) -> Iterator[DrawnText]:
    for index, layer in enumerate(layers):
        if layer.text:
            field = LABEL_FIELD if layer.id == LABEL_ID else f"layers[{index}].text.text"
            style = layer.text.style
            yield DrawnText(shot_id, field, clean_text(layer.text.text), (style.font,), style.weight, style.italic)


def render_language(project: Project) -> str:
    """Return the main language of a project's texts as a BCP 47 tag: the project's own, else guessed; may be empty."""
    if project.language:
        return project.language
    weights: Counter[str] = Counter()
    burnt_in = replace(project, captions=replace(project.captions, burn_in=True))
    for drawn in drawn_texts(burnt_in, ()):
        weights[guess_language(drawn.text)] += len(drawn.text)
    del weights[""]
    return weights.most_common(1)[0][0] if weights else ""
