"""The shots of a video in the order in which they are shown: intro, cards, storyboard and outro."""

from dataclasses import dataclass
from datetime import timedelta

from render_service.domain.projects.project import Card, Motion, MotionKind, Project, Shot, Transition, TransitionKind
from render_service.domain.projects.reading import comfortable_time
from render_service.domain.projects.shot_source import CardSource, ClipSource, ShotSource, declared_source

INTRO_ID = "@intro"
TITLE_ID = "@title"
END_ID = "@end"
OUTRO_ID = "@outro"

DEFAULT_CARD = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class SequencedShot:
    """A shot in its place, with its declared source."""

    shot: Shot
    source: ShotSource

    @property
    def id(self) -> str:
        """The shot's id."""
        return self.shot.id


def sequence(project: Project) -> tuple[SequencedShot, ...]:
    """Return the shots of a project as they are shown: intro, title card, storyboard, end card, outro.

    Returns:
        The storyboard's shots between those of the four that the project has, whose ids are `INTRO_ID`, `TITLE_ID`,
        `END_ID` and `OUTRO_ID`. No shot of a storyboard can have one of these ids. Media are keyed by these ids too.
    """
    before: list[SequencedShot] = []
    after: list[SequencedShot] = []
    if project.intro_clip_uri:
        before.append(_bumper(INTRO_ID, project.intro_clip_uri))
    if project.title_card:
        before.append(_card(TITLE_ID, project.title_card))
    if project.end_card:
        after.append(_card(END_ID, project.end_card))
    if project.outro_clip_uri:
        after.append(_bumper(OUTRO_ID, project.outro_clip_uri))
    return (*before, *(SequencedShot(shot, declared_source(shot)) for shot in project.shots), *after)


def _bumper(shot_id: str, uri: str) -> SequencedShot:
    still, cut = Motion(kind=MotionKind.NONE), Transition(kind=TransitionKind.CUT)
    return SequencedShot(Shot(shot_id, caption="", motion=still, transition=cut), ClipSource(uri))


def _card(shot_id: str, card: Card) -> SequencedShot:
    duration = card.duration or max(DEFAULT_CARD, comfortable_time(f"{card.title} {card.subtitle}"))
    return SequencedShot(Shot(shot_id, caption="", duration=duration), CardSource(card))
