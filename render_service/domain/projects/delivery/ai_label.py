"""The label of a video that a machine made in part or whole: a line of text in a corner, and a tag in the file.

China's GB 45438-2025 asks for both: a text that says AI and that it is generated, at least 5 % of the frame's shorter
side high and seen for at least 2 s from the start, and the metadata field `AIGC`.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from render_service.domain.errors import FieldFault
from render_service.domain.layers.brand import Brand, BrandColors
from render_service.domain.layers.contrast import BLACK, contrasting, stands_out
from render_service.domain.layers.model import Anchor, Box, Layer, TextLayer, TextStyle
from render_service.domain.projects.looks.captions import CaptionPosition
from render_service.domain.projects.output import AiLabel, OutputSpec
from render_service.domain.projects.project import Corner, Project
from render_service.domain.visible_text import is_visible

LABEL_ID = "@ai-label"
"""The id of its layer, which no caller can give to another."""
LABEL_FIELD = "output.ai_label.text"
"""The field that its text is of."""
METADATA_KEY = "AIGC"
SHORTEST_LABEL = timedelta(seconds=2)
LONGEST_LABEL = timedelta(hours=3)
LONGEST_LABEL_TEXT = 40
LONGEST_PRODUCER = 100

_DEFAULT_DURATION = timedelta(seconds=3)
_SIZE = 0.072  # em; capital letters are 0.7 em high
_MARGIN = 0.04
_GENERATED_IN_FULL = "1"
_TEXTS = {
    "ar": "مُنشأ بالذكاء الاصطناعي",
    "de": "KI-generiert",
    "en": "AI-generated",
    "es": "Generado por IA",
    "fr": "Généré par IA",
    "hi": "AI द्वारा निर्मित",
    "it": "Generato con IA",
    "ja": "AI生成",
    "ko": "AI 생성",
    "pt": "Gerado por IA",
    "ru": "Создано ИИ",
    "th": "สร้างโดย AI",
    "zh": "AI 生成",
}


def with_ai_label(project: Project, output: OutputSpec) -> Project:
    """Return a project with the label over everything, where its output asks for one.

    It lies in the upper left corner, or in another one where the watermark or the captions are.
    """
    label = output.ai_label
    if label is None:
        return project
    corner = _free_corner(project)
    short = min(output.width, output.height)
    across, down = _MARGIN * short / output.width, _MARGIN * short / output.height
    box = Box(
        x=1 - across if corner.across else across,
        y=1 - down if corner.down else down,
        anchor=corner,
        corner_radius=0.008,
    )
    # An opaque box: legible on anything, and the check of the finished video can recognize it. Its font is none of the
    # brand's, whose letters may be lower than the law allows.
    color, background = _colors(project.brand)
    style = TextStyle(size=_SIZE, weight=700, color=color, background=background, padding=0.3, line_height=1.2)
    text = TextLayer(label.text or _TEXTS.get(project.language.partition("-")[0].lower(), _TEXTS["en"]), style)
    layer = Layer(LABEL_ID, text=text, box=box, duration=label.duration or _DEFAULT_DURATION)
    return replace(project, layers=(*project.layers, layer))


def _colors(brand: Brand | None) -> tuple[str, str]:
    """Return the colors of letters and box: the brand's, if it has any, with a contrast of at least 4.5 : 1."""
    colors = brand.colors if brand else BrandColors()
    background = colors.background or colors.primary or BLACK
    return (colors.text if colors.text and stands_out(colors.text, background) else contrasting(background)), background


def label_metadata(label: AiLabel, content_id: str) -> str:
    """Return the value of the file's metadata field `AIGC`.

    Args:
        label: The label.
        content_id: What identifies this video among those of its producer.
    """
    fields = {"Label": _GENERATED_IN_FULL, "ContentProducer": label.producer, "ProduceID": content_id}
    return json.dumps(fields, ensure_ascii=False)


def label_faults(label: AiLabel | None, path: str) -> Iterator[FieldFault]:
    """Find what is wrong with a label, if there is one."""
    if label is None:
        return
    if len(label.text) > LONGEST_LABEL_TEXT or len(label.text.splitlines()) > 1:
        yield FieldFault(f"{path}.text", f"must be one line of at most {LONGEST_LABEL_TEXT} characters")
    elif label.text and not is_visible(label.text):
        yield FieldFault(f"{path}.text", "must have characters that can be seen")
    if label.duration is not None and not SHORTEST_LABEL <= label.duration <= LONGEST_LABEL:
        least, most = (limit.total_seconds() for limit in (SHORTEST_LABEL, LONGEST_LABEL))
        yield FieldFault(f"{path}.duration", f"must be {least:g} s to {most:,g} s")
    if len(label.producer) > LONGEST_PRODUCER:
        yield FieldFault(f"{path}.producer", f"must have at most {LONGEST_PRODUCER} characters")


def _free_corner(project: Project) -> Anchor:
    mark = project.watermark.corner if project.watermark is not None else None
    if project.captions.position is CaptionPosition.TOP:
        return Anchor.BOTTOM_LEFT if mark is not Corner.BOTTOM_LEFT else Anchor.BOTTOM_RIGHT
    return Anchor.TOP_LEFT if mark is not Corner.TOP_LEFT else Anchor.TOP_RIGHT
