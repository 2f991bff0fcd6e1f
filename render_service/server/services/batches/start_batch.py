"""Starts batches: checks every row before any is started, and stores all or none."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from render_service.db.batches.batches import Batches
from render_service.db.batches.staging import MAX_BATCH_BYTES, RowStage, TooManyBytes, size_of
from render_service.db.brand.brand_kits import BrandKits
from render_service.db.projects.projects import Projects
from render_service.domain.batches.batch import Batch, NewBatch, Row
from render_service.domain.brand.kit import StoredBrandKit
from render_service.domain.errors import FieldFault, InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.jobs.cost import Cost, total
from render_service.domain.jobs.request import RenderRequest
from render_service.domain.projects.project import Project
from render_service.domain.projects.template import places_of
from render_service.queue.batch_runner import BatchRunner
from render_service.server.fonts.pinning import FontPinner
from render_service.server.interceptors.authentication import current_origin
from render_service.server.interceptors.rate_limits import QuotaCache
from render_service.server.interceptors.requests import count_as, is_small_request, mark_large, off_loop
from render_service.server.services.batches.row_faults import RowFaults
from render_service.server.services.project_input import ProjectParser
from render_service.server.services.start_render import FindKit, Prepared, RenderStarter
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.server import BATCH_ROWS_STARTED, BATCHES_STARTED
from render_service.telemetry.tracing.spans import annotate

_log = get_logger(__name__)
# How many bytes of a request cost as much as one byte of a filled template: the loop is left after each row only.
_ROW_BYTES = 4


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A StartBatch call whose fields are valid.

    Args:
        render: What every row renders; its source is a template, or the id of a stored one.
        common: The variables that all rows share.
        rows: The rows.
        max_running: How many jobs may run or wait for a worker at a time; None for any number.
        request_id: The idempotency key; None if there is none.
        request_hash: SHA-256 of the request without it.
    """

    render: RenderRequest
    common: Mapping[str, str]
    rows: Sequence[Row]
    max_running: int | None
    request_id: UUID | None
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class StartedBatch:
    """The outcome of StartBatch: the batch, None for a dry run, and the likely cost of all rows together."""

    batch: Batch | None
    cost: tuple[Cost, ...]


class BatchStarter:
    """Starts batches.

    Args:
        batches: Stores batches.
        starter: Makes a job of each row.
        parser: Fills in templates.
        projects: Stores templates.
        kits: The brand kits of workspaces.
        quotas: The quotas of workspaces.
        runner: Makes the rows of stored batches jobs.
    """

    def __init__(
        self,
        batches: Batches,
        starter: RenderStarter,
        parser: ProjectParser,
        *,
        projects: Projects,
        kits: BrandKits,
        quotas: QuotaCache,
        runner: BatchRunner,
    ) -> None:
        self._batches = batches
        self._starter = starter
        self._parser = parser
        self._projects = projects
        self._kits = kits
        self._quotas = quotas
        self._runner = runner

    async def start(self, request: BatchRequest) -> StartedBatch:
        """Store a batch. Once this has returned, all of its rows reach an end.

        Raises:
            DomainError: INVALID_FIELD, naming the rows; or as RenderStarter.start.
        """
        mark_large()
        render = request.render
        template, project_id = await self._template(render)
        batch = NewBatch(
            uuid4(),
            render.workspace_id,
            request.request_id,
            request.request_hash,
            project_id,
            template.title,
            request.max_running,
        )
        stage = RowStage(self._batches, batch, is_dry_run=render.dry_run)
        try:
            cost = await self._check(request, template, project_id, stage)
            if render.dry_run:
                return StartedBatch(None, cost)
            await stage.flush()
            quotas = await self._quotas.of(batch.workspace_id)
            stored = await self._batches.accept(batch, len(request.rows), quotas=quotas, origin=current_origin())
        except Exception:
            await stage.discard()
            raise
        annotate({"render.batch.id": str(stored.id)})
        if stored.id == batch.id:
            BATCHES_STARTED.inc()
            BATCH_ROWS_STARTED.inc(stored.rows)
            _log.info("batch started", batch_id=str(stored.id), workspace_id=batch.workspace_id, rows=stored.rows)
            self._runner.nudge()
        return StartedBatch(stored, cost)

    async def _template(self, render: RenderRequest) -> tuple[Project, UUID | None]:
        if isinstance(render.source, Project):
            return render.source, None
        stored = await self._projects.get(render.workspace_id, render.source)
        return stored.project, render.source

    async def _check(
        self, request: BatchRequest, template: Project, project_id: UUID | None, stage: RowStage
    ) -> tuple[Cost, ...]:
        """Check all rows, and store them as long as none has a fault; return their likely cost.

        Checks end once no further fault would be listed: a row with faults costs as much to check as one without.
        """
        faults = Faults()
        places = await off_loop(places_of, template, "project")
        row_faults = RowFaults(places, request.common, faults)
        size = await off_loop(size_of, template)
        find_kit, fonts = _CachedKits(self._kits), self._starter.fonts.cached()
        costs: tuple[Cost, ...] = ()
        for place, row in enumerate(request.rows):
            # A row is checked like a request of its own: threads would take longer than the checks of a small one.
            await asyncio.sleep(0)
            values = {**request.common, **row.variables}
            filled = size + sum(len(values.get(name, "")) for names in places.values() for name in names)
            count_as(_ROW_BYTES * filled)
            try:
                prepared = await self._prepare(request.render, template, values, find_kit, fonts)
            except InvalidFields as invalid:
                for fault in invalid.faults:
                    row_faults.add(row, fault)
                if faults.is_full:
                    unchecked = FieldFault("…", f"and more; the rows after {row.path} were not checked")
                    raise InvalidFields((*faults, unchecked)) from None
            else:
                costs = total((*costs, *prepared.cost))
            try:
                if faults:
                    stage.count(filled)
                else:
                    job = replace(prepared.job, project_id=project_id)
                    await stage.add(place, row.key, job, is_small=is_small_request())
            except TooManyBytes:
                too_many = f"must have at most {MAX_BATCH_BYTES >> 20} MiB in all once the template is filled in"
                raise InvalidFields((*faults, FieldFault("rows", too_many))) from None
        faults.raise_if_any()
        return costs

    async def _prepare(
        self, render: RenderRequest, template: Project, values: Mapping[str, str], find_kit: FindKit, fonts: FontPinner
    ) -> Prepared:
        faults = Faults()
        filled = await off_loop(self._parser.fill_in, template, values, faults)
        faults.raise_if_any()
        return await self._starter.prepare(replace(render, source=filled), find_kit, fonts)


class _CachedKits:
    """Reads each brand kit once for all rows of a batch."""

    def __init__(self, kits: BrandKits) -> None:
        self._kits = kits
        self._found: dict[str, StoredBrandKit | None] = {}

    async def __call__(self, workspace_id: str, name: str) -> StoredBrandKit | None:
        if name not in self._found:
            self._found[name] = await self._kits.find(workspace_id, name)
        return self._found[name]
