"""The faults of rows: each names its row and, where it can, the variable whose value is wrong."""

from collections.abc import Collection, Mapping

from render_service.domain.batches.batch import Row
from render_service.domain.errors import FieldFault
from render_service.domain.faults import Faults

_OF_VARIABLE = "variables["


class RowFaults:
    """Collects the faults of all rows of a batch.

    A fault of the template that its variables have no part in is the same in many rows: it is added for the first.

    Args:
        places: The variables in each text of the template, by the text's path.
        common: The variables that all rows share.
        faults: Collects the faults of the request.
    """

    def __init__(self, places: Mapping[str, tuple[str, ...]], common: Collection[str], faults: Faults) -> None:
        self._places = places
        self._common = common
        self._faults = faults
        self._shared: set[FieldFault] = set()

    def add(self, row: Row, found: FieldFault) -> None:
        """Add a fault.

        Args:
            row: Whose fault it is.
            found: The fault of the StartRender request that the row stands for.
        """
        if found.field.startswith(_OF_VARIABLE):
            name = found.field.removeprefix(_OF_VARIABLE).removesuffix("]")
            is_common = name in self._common and name not in row.variables
            self._faults.add(f"render.{found.field}" if is_common else f"{row.path}.{found.field}", found.description)
            return
        names = [name for name in self._places.get(found.field, ()) if name in row.variables]
        if names:
            self._faults.add(f"{row.path}.variables[{names[0]}]", f"{found.field} {found.description}")
        elif found not in self._shared:
            self._shared.add(found)
            self._faults.add(f"{row.path}.{found.field}", found.description)
