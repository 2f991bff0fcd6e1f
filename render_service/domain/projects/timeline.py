"""Plans which shot is shown in which frames. Integer frames only; no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from render_service.domain.cards.model import card_texts
from render_service.domain.projects.looks.clips import Playback, playback_of, played_length
from render_service.domain.projects.looks.faces import focus_of
from render_service.domain.projects.looks.modes import MODE_PRESETS
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.pacing import decided_pacing, extend_for_narration
from render_service.domain.projects.project import (
    Direction,
    Easing,
    Motion,
    MotionFocus,
    MotionKind,
    NarrationPolicy,
    Project,
    Shot,
    TransitionKind,
)
from render_service.domain.projects.reading import comfortable_time, shown_caption
from render_service.domain.projects.sequence import INTRO_ID, OUTRO_ID, SequencedShot, sequence
from render_service.domain.projects.shot_source import PlaceholderSource, ShotSource, is_clip

DEFAULT_SHOT = timedelta(seconds=5)
SHORTEST_SHARE = timedelta(seconds=1)
DEFAULT_AMOUNT = 0.1
LONGEST_CARD = timedelta(seconds=60)
"""The longest that a shot lasts because of the texts of its card, if it has no duration."""

_MICROSECOND = timedelta(microseconds=1)
_NO_FACTS = MediaFacts()


@dataclass(frozen=True, slots=True)
class TimelineShot:
    """Where one shot lies in the video, in frames, and how it is shown.

    Args:
        shot: The shot itself; the intro, outro, title and end card are shots with ids that begin with `@`.
        source: What it shows.
        index: Its place among all shots of the timeline, from 0.
        start: First frame in which it is shown, its incoming transition included.
        frames: Number of frames in which it is shown; at least 1.
        overlap_in: Frames it shares with the previous shot; 0 for the first shot and for a cut.
        overlap_out: Frames it shares with the next shot.
        transition: The transition from the previous shot.
        direction: Where the transition moves to.
        motion: The camera movement; no field is None.
        narration_start: Frame of the video in which the narration begins, at the end of its incoming transition.
        narration_frames: Frames for which the narration may play under the project's policy; 0 without one.
        playback: How its clip is played; None is from its start to its end.
    """

    shot: Shot
    source: ShotSource
    index: int
    start: int
    frames: int
    overlap_in: int
    overlap_out: int
    transition: TransitionKind
    direction: Direction
    motion: Motion
    narration_start: int
    narration_frames: int
    playback: Playback | None = None

    @property
    def shot_id(self) -> str:
        """The shot's id."""
        return self.shot.id

    @property
    def end(self) -> int:
        """The frame after the last in which the shot is shown."""
        return self.start + self.frames


@dataclass(frozen=True, slots=True)
class Timeline:
    """All shots in order; `shots[i + 1].start == shots[i].end - shots[i + 1].overlap_in`, and the last ends the video.

    `frames` is the length of the video, `fps` its frames per second.
    """

    fps: int
    frames: int
    shots: tuple[TimelineShot, ...]


def frames_in(duration: timedelta, fps: int) -> int:
    """Return the number of frames nearest to a duration, halves rounded up."""
    return (2 * (duration // _MICROSECOND) * fps + 1_000_000) // 2_000_000


def frames_covering(duration: timedelta, fps: int) -> int:
    """Return the smallest number of frames that lasts as long as a duration."""
    return -(-(duration // _MICROSECOND) * fps // 1_000_000)


def plan_timeline(
    project: Project, fps: int, facts: Mapping[str, MediaFacts], sources: Mapping[str, ShotSource] | None = None
) -> Timeline:
    """Decide in which frames every shot is shown.

    Args:
        project: Has at least one shot and is validated.
        fps: Frames per second of the video.
        facts: Measured lengths of the shots' clips and narrations by shot id; shots may be missing.
        sources: What shots show, by shot id; the others show what they declare.

    Returns:
        The timeline: no gaps, at least one frame a shot, and at most two shots in any frame. A shot without a duration
        gets its share of the target duration, else lasts as long as its clip, else `DEFAULT_SHOT` or as long as its
        texts take to read, unless a voice speaks them; with the policy
        EXTEND every shot lasts at least until its narration is over, with the project's pacing after it.
    """
    placed = _resolved(sequence(project), sources or {})
    shots = [one.shot for one in placed]
    wished = wished_overlaps(project, shots, fps)
    lengths = _lengths(project, placed, facts, wished, fps)
    if project.narration_policy is NarrationPolicy.EXTEND:
        spoken = [facts.get(shot.id, _NO_FACTS).longest_narration for shot in shots]
        narrations = [None if length is None else frames_covering(length, fps) for length in spoken]
        pacing = decided_pacing(project)
        gap, tail = (frames_covering(length or timedelta(0), fps) for length in (pacing.narration_gap, pacing.tail))
        extend_for_narration(lengths, wished, narrations, gap=gap, tail=tail)
    overlaps = [0] + [
        min(wished[index], lengths[index - 1] // 2, lengths[index] // 2) for index in range(1, len(shots))
    ]
    starts = [0]
    for index in range(1, len(shots)):
        starts.append(starts[-1] + lengths[index - 1] - overlaps[index])
    total = starts[-1] + lengths[-1]
    planned = tuple(
        TimelineShot(
            shot=shot,
            source=placed[index].source,
            index=index,
            start=starts[index],
            frames=lengths[index],
            overlap_in=overlaps[index],
            overlap_out=overlaps[index + 1] if index + 1 < len(shots) else 0,
            transition=_transition_kind(project, shot) if overlaps[index] else TransitionKind.CUT,
            direction=shot.transition.direction,
            motion=_motion(project, placed[index], facts.get(shot.id, _NO_FACTS)),
            narration_start=starts[index] + overlaps[index],
            narration_frames=_narration_frames(
                project.narration_policy, facts.get(shot.id, _NO_FACTS), lengths[index] - overlaps[index], fps
            ),
            playback=_playback(placed[index], facts.get(shot.id, _NO_FACTS), lengths[index], fps),
        )
        for index, shot in enumerate(shots)
    )
    return Timeline(fps, total, planned)


def _resolved(shots: Sequence[SequencedShot], sources: Mapping[str, ShotSource]) -> list[SequencedShot]:
    return [SequencedShot(one.shot, sources.get(one.id, one.source)) for one in shots]


def wished_overlaps(project: Project, shots: Sequence[Shot], fps: int) -> list[int]:
    """Return the length in frames of each shot's incoming transition if both shots are long enough; 0 for a cut."""
    preset = MODE_PRESETS[project.mode]
    wished = []
    for index, shot in enumerate(shots):
        kind = _transition_kind(project, shot)
        duration = shot.transition.duration or preset.transition_duration or timedelta(milliseconds=500)
        # The intro is followed by a cut: a clip from elsewhere ends as its author intended.
        cuts = index == 0 or kind is TransitionKind.CUT or shots[index - 1].id == INTRO_ID
        wished.append(0 if cuts else max(1, frames_in(duration, fps)))
    return wished


def _lengths(
    project: Project, placed: Sequence[SequencedShot], facts: Mapping[str, MediaFacts], wished: Sequence[int], fps: int
) -> list[int]:
    said: list[int | None] = []
    for index, one in enumerate(placed):
        shot, found = one.shot, facts.get(one.id, _NO_FACTS)
        shares = project.target_duration is not None and shot.id not in (INTRO_ID, OUTRO_ID)
        if shot.duration is None and not shares and found.clip is None and found.narration is None:
            # A caption changes in the middle of a transition.
            changes = -(-sum(wished[index : index + 2]) // 2)
            said.append(max(frames_in(DEFAULT_SHOT, fps), frames_covering(_text_time(project, one), fps) + changes))
        else:
            duration = shot.duration or (None if shares else _clip_length(shot, found) or DEFAULT_SHOT)
            said.append(None if duration is None else max(1, frames_in(duration, fps)))
    sharing = said.count(None)
    if project.target_duration is None or sharing == 0:
        return [length for length in said if length is not None]
    left = frames_in(project.target_duration, fps) + sum(wished) - sum(length or 0 for length in said)
    left = max(left, sharing * frames_in(SHORTEST_SHARE, fps))
    lengths, taken = [], 0
    for length in said:
        if length is None:
            # The n-th share ends where n / sharing of the whole ends, so that the rounding is spread evenly.
            lengths.append(left * (taken + 1) // sharing - left * taken // sharing)
            taken += 1
        else:
            lengths.append(length)
    return lengths


def _clip_length(shot: Shot, facts: MediaFacts) -> timedelta | None:
    """Return how long the clip of a shot is played; None without one."""
    if shot.clip is None or facts.clip is None:
        return facts.clip
    return played_length(shot.clip, facts.clip)


def _playback(placed: SequencedShot, facts: MediaFacts, frames: int, fps: int) -> Playback | None:
    edit = placed.shot.clip
    if edit is None or facts.clip is None or not is_clip(placed.source):
        return None
    return playback_of(edit, facts.clip, frames, fps)


def _text_time(project: Project, placed: SequencedShot) -> timedelta:
    """Return how long the texts of a shot take to read, and its timed words to speak."""
    shot = placed.shot
    card = shot.visual_description if isinstance(placed.source, PlaceholderSource) else ""
    shown = min(comfortable_time(_card_text(shot)), LONGEST_CARD) if shot.card else timedelta(0)
    read = comfortable_time(shown_caption(project, shot)) + comfortable_time(card) + shown
    return max(read, shot.words[-1].end if shot.words else timedelta(0))


def _card_text(shot: Shot) -> str:
    return "\n".join(text for _, text in card_texts(shot.card)) if shot.card else ""


def _transition_kind(project: Project, shot: Shot) -> TransitionKind:
    return shot.transition.kind or MODE_PRESETS[project.mode].transition


def _motion(project: Project, placed: SequencedShot, facts: MediaFacts) -> Motion:
    motion = placed.shot.motion
    if motion.focus is MotionFocus.FACES:
        crop = placed.shot.clip.crop if placed.shot.clip and is_clip(placed.source) else None
        focus = focus_of(facts.faces, crop)
        if focus is not None:
            motion = replace(motion, focus_x=focus[0], focus_y=focus[1])
    return replace(
        motion,
        focus=None,
        # A clip has its own movement.
        kind=motion.kind or (MotionKind.NONE if is_clip(placed.source) else MODE_PRESETS[project.mode].motion),
        easing=motion.easing or Easing.EASE_IN_OUT,
        amount=DEFAULT_AMOUNT if motion.amount is None else motion.amount,
    )


def dubbed(timeline: Timeline, project: Project, facts: Mapping[str, MediaFacts], place: int) -> Timeline:
    """Return a timeline with the narrations of a further track of sound, which is the one at a place."""

    def of(shot: TimelineShot) -> TimelineShot:
        dubs = facts.get(shot.shot_id, _NO_FACTS).dubs
        spoken = MediaFacts(narration=dubs[place] if dubs else None)
        limit = shot.frames - shot.overlap_in
        frames = _narration_frames(project.narration_policy, spoken, limit, timeline.fps)
        return replace(shot, narration_frames=frames)

    return replace(timeline, shots=tuple(map(of, timeline.shots)))


def _narration_frames(policy: NarrationPolicy, facts: MediaFacts, limit: int, fps: int) -> int:
    if facts.narration is None:
        return 0
    frames = frames_covering(facts.narration, fps)
    return min(frames, limit) if policy is NarrationPolicy.TRIM else frames
