"""Credits: roles and names, in as few pages as hold them, one page after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from render_service.compositor.cards.stage import Block, Stage
from render_service.domain.cards.model import CreditsCard, CreditsSection
from render_service.domain.layers.model import Animation, AnimationKind, Layer

_LEAST_PAGE = 2.0
_SIZES = (0.058, 0.052, 0.047, 0.042, 0.037, 0.032, 0.027, 0.023, 0.02)


@dataclass(frozen=True, slots=True)
class _Section:
    """A role over its names, or beside them."""

    role: Block | None
    names: Block
    height: float


def layers(card: CreditsCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of credits."""
    gap = stage.px(0.04)
    title = (
        stage.set(card.title, stage.width, 0.08, weight=800, height=0.2 * stage.height, lines=2) if card.title else None
    )
    head = title.height + 1.5 * gap if title else 0.0
    pages = _pages(stage, card.sections, stage.height - head, gap)
    tallest = max(sum(one.height + gap for one in page) - gap for page in pages)
    top = max(0.0, (stage.height - head - tallest) / 2)
    if title:
        yield stage.text(title, 0, top, stage.width, stage.theme.ink, align="center", **stage.rise(0))
    begin, end = stage.lead + 0.3, stage.seconds
    each = max(0.1, (end - begin) / len(pages))
    for number, page in enumerate(pages):
        height = sum(one.height + gap for one in page) - gap
        y = top + head + (tallest - height) / 2
        for index, section in enumerate(page):
            first = begin + number * each
            shown = _shown(stage, section, y)
            y += section.height + gap
            is_last = number == len(pages) - 1
            for layer in shown:
                yield _timed(layer, stage, first + 0.08 * index, None if is_last else first + each)


def _timed(layer: Layer, stage: Stage, first: float, last: float | None) -> Layer:
    start = timedelta(milliseconds=round(1000 * min(first, stage.seconds)))
    enter = stage.rise(0)["enter"]
    if last is None:
        return replace(layer, start=start, enter=enter)
    length = max(timedelta(milliseconds=round(1000 * last)) - start, timedelta(milliseconds=1))
    leave = Animation(AnimationKind.FADE, duration=min(timedelta(seconds=0.3), length / 4 or length))
    return replace(layer, start=start, duration=length, enter=enter, exit=leave)


def _shown(stage: Stage, section: _Section, y: float) -> Iterator[Layer]:
    theme = stage.theme
    if not stage.is_wide:
        if section.role:
            yield stage.text(section.role, 0, y, stage.width, theme.accent_ink, align="center")
            y += section.role.height
        yield stage.text(section.names, 0, y, stage.width, theme.ink, align="center")
        return
    half, between = stage.width / 2, stage.px(0.025)
    if section.role:
        down = 0.88 * (section.names.size - section.role.size)
        yield stage.text(section.role, 0, y + down, half - between, theme.accent_ink, align="end")
        yield stage.text(section.names, half + between, y, half - between, theme.ink)
    else:
        yield stage.text(section.names, 0, y, stage.width, theme.ink, align="center")


def _pages(stage: Stage, sections: Sequence[CreditsSection], height: float, gap: float) -> list[list[_Section]]:
    """Return pages of sections, as many as there is time for, in the largest letters that need no more."""
    most = max(1, int((stage.seconds - stage.lead) / _LEAST_PAGE))
    found: list[list[_Section]] = []
    for size in _SIZES:
        blocks = [_set(stage, section, size, height) for section in sections]
        found, used = [[]], 0.0
        for block in blocks:
            if found[-1] and used + block.height > height:
                found.append([])
                used = 0.0
            found[-1].append(block)
            used += block.height + gap
        if len(found) <= most and all(block.names.size >= 0.97 * round(size * stage.side) for block in blocks):
            break
    return found


def _set(stage: Stage, section: CreditsSection, size: float, height: float) -> _Section:
    width = stage.width / 2 - stage.px(0.025) if stage.is_wide and section.role else stage.width
    role = stage.set(section.role, width, 0.8 * size, weight=600, height=0.3 * height) if section.role else None
    above = role.height if role and not stage.is_wide else 0.0
    names = stage.set(section.names, width, size, weight=600, height=height - above)
    return _Section(role, names, max(above + names.height, role.height if role else 0.0))
