"""Between `render.v1.Project` and the domain's."""

from dataclasses import replace
from itertools import count

from render_client.v1 import project_pb2

from render_service.db.projects.projects import StoredProject
from render_service.domain.cards.rules import MAX_ITEMS, MAX_POINTS, MAX_SECTIONS, MAX_SIDE_ITEMS
from render_service.domain.faults import Faults
from render_service.domain.layers.model import Layer
from render_service.domain.layers.validation import MAX_ALL_LAYERS, MAX_KEYFRAMES, MAX_LAYERS, MAX_STOPS
from render_service.domain.projects.looks.references import EXCLUDABLE
from render_service.domain.projects.looks.sounds import MAX_SOUNDS
from render_service.domain.projects.project import Project
from render_service.domain.projects.validation import MAX_LEXICON, MAX_SHOTS, MAX_TRANSLATIONS, MAX_WORDS
from render_service.server.mapping.enums import PROJECT_STATUS
from render_service.server.mapping.pages import View
from render_service.server.mapping.records import Exceptions, Record
from render_service.server.mapping.times import timestamp

# Three hours of talk. Reading so many takes some tenths of a second, during which all other calls wait.
MAX_ALL_WORDS = 30_000

BASIC_ETAG = "-basic"
"""How the etag of a project without its storyboard ends; UpdateProject refuses it."""

_SET_BY_THE_SERVICE = (
    "brand",
    "project_id",
    "workspace_id",
    "status",
    "etag",
    "create_time",
    "update_time",
    "shot_count",
)
_PROJECT = Record(
    Project,
    project_pb2.Project.DESCRIPTOR,
    Exceptions(
        places={"Project.shots": "storyboard.shots"},
        apart=frozenset(f"Project.{name}" for name in _SET_BY_THE_SERVICE),
        most={
            "Project.shots": MAX_SHOTS,
            "Project.brand_kit_excludes": len(EXCLUDABLE),
            "Project.lexicon": MAX_LEXICON,
            "Shot.words": MAX_WORDS,
            "Shot.translations": MAX_TRANSLATIONS,
            "Shot.layers": MAX_LAYERS,
            "Shot.sounds": MAX_SOUNDS,
            "Project.sounds": MAX_SOUNDS,
            "Project.layers": MAX_LAYERS,
            "Layer.keyframes": MAX_KEYFRAMES,
            "Gradient.stops": MAX_STOPS,
            "ListCard.items": MAX_ITEMS,
            "ChartCard.points": MAX_POINTS,
            "ComparisonSide.items": MAX_SIDE_ITEMS,
            "CreditsCard.sections": MAX_SECTIONS,
        },
    ),
)


def project_from_proto(message: project_pb2.Project, path: str, faults: Faults) -> Project:
    """Return a project; what the service sets is ignored, and shots without an id are called `shot-N`.

    Args:
        message: The project as sent. Of more shots or words than the rules allow, one too many is read; with more than
            `MAX_ALL_WORDS` words in all shots, nothing is read: it would delay other calls.
        path: Its path in the request, such as `project`.
        faults: Takes the faults of form. `domain.validation.check_project` checks the rules.
    """
    if sum(len(shot.words) for shot in message.storyboard.shots[: MAX_SHOTS + 1]) > MAX_ALL_WORDS:
        faults.add(f"{path}.storyboard.shots", f"must have at most {MAX_ALL_WORDS:,} words in all")
        return Project()
    if sum(len(shot.layers) for shot in message.storyboard.shots) + len(message.layers) > MAX_ALL_LAYERS:
        faults.add(f"{path}.storyboard.shots", f"must have at most {MAX_ALL_LAYERS:,} layers in all")
        return Project()
    project = _PROJECT.read(message, path, faults)
    shots = tuple(
        replace(shot, id=shot.id or f"shot-{number}", layers=_named(shot.layers))
        if not shot.id or shot.layers
        else shot
        for number, shot in enumerate(project.shots, 1)
    )
    return replace(project, shots=shots, layers=_named(project.layers))


def _named(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Call layers without an id `layer-N`, counting on where another layer has that id."""
    taken = {layer.id for layer in layers}

    def free(number: int) -> str:
        name = next(name for at in count(number) if (name := f"layer-{at}") not in taken)
        taken.add(name)
        return name

    return tuple(layer if layer.id else replace(layer, id=free(number)) for number, layer in enumerate(layers, 1))


def project_to_proto(stored: StoredProject, view: View = View.FULL) -> project_pb2.Project:
    """Return the message of a stored project.

    Args:
        stored: The project; in the BASIC view without its shots.
        view: BASIC marks the etag: an update with this project would delete its shots.
    """
    message = project_pb2.Project(
        project_id=str(stored.id),
        workspace_id=stored.workspace_id,
        status=PROJECT_STATUS.number(stored.status),
        etag=stored.etag if view is View.FULL else stored.etag + BASIC_ETAG,
        shot_count=stored.shot_count,
        create_time=timestamp(stored.create_time),
        update_time=timestamp(stored.update_time),
    )
    _PROJECT.write(stored.project, message)
    if view is View.BASIC:
        message.ClearField("storyboard")
    return message
