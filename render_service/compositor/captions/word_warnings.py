"""Warns of word timings that do not belong to the caption of their shot."""

from collections.abc import Iterator

from render_service.compositor.captions.alignment import unmatched_words
from render_service.compositor.captions.layout import caption_format
from render_service.compositor.text.drawn_texts import caption_text
from render_service.compositor.text.shortening import shortened
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.warning import JobWarning, WarningCode

# A speech recogniser mishears some words of any text; the times of those around them bridge so few.
_USUAL_SHARE = 0.1
_LONGEST_EXCERPT = 40


def word_warnings(spec: RenderSpec) -> Iterator[JobWarning]:
    """Yield a warning for each captioned shot of whose word timings more than a tenth are not found in the caption."""
    language = caption_format(spec).language
    for shot in spec.project.shots:
        caption = caption_text(spec.project, shot)
        if not caption or not shot.words:
            continue
        unmatched = unmatched_words(caption, shot.words, language)
        if len(unmatched) > _USUAL_SHARE * len(shot.words):
            excerpt = shortened(unmatched[0].text, _LONGEST_EXCERPT)
            yield JobWarning(
                WarningCode.WORDS_UNMATCHED,
                f"{shot.id}.words: {len(unmatched)} of {len(shot.words)} are not found in the caption in their order,"
                f' the first is "{excerpt}"; caption times are estimated there; pass the words of the caption',
                shot.id,
                "words",
            )
