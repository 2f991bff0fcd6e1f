"""Whether this installation draws Lottie animations: the extra `lottie` brings what draws them."""

from collections.abc import Iterator
from importlib.util import find_spec

from render_service.domain.errors import FieldFault
from render_service.domain.layers.model import Layer
from render_service.domain.projects.project import Project

LOTTIE_EXTRA = "render-service[lottie]"


def undrawn_lotties(project: Project) -> Iterator[FieldFault]:
    """Yield a fault for each Lottie animation of a project that cannot be drawn; none where the extra is installed."""
    if find_spec("thorvg_cython") is not None:
        return
    held: list[tuple[str, tuple[Layer, ...]]] = [("project", project.layers)]
    held += [(f"project.storyboard.shots[{place}]", shot.layers) for place, shot in enumerate(project.shots)]
    for path, layers in held:
        for index, layer in enumerate(layers):
            if layer.picture and layer.picture.lottie:
                what = f"must be omitted: this service lacks the extra {LOTTIE_EXTRA}, which draws Lottie animations"
                yield FieldFault(f"{path}.layers[{index}].picture.lottie", what)
