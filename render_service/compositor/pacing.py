"""Brings the spoken narrations of a render to the tempo that its target duration asks for."""

import asyncio
from dataclasses import replace
from pathlib import Path

from render_service.compositor.inspected_file import InspectedFile, Use
from render_service.compositor.inspection import Inspection
from render_service.compositor.media.assets import narration_asset
from render_service.compositor.processes.limits import MIXING, PROBING
from render_service.compositor.processes.pool import Share, TaskOptions
from render_service.compositor.task_group import task_group
from render_service.compositor.tasks import change_tempo, decide_tempo, inspect_file
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import MediaFacts


async def at_target_tempo(
    share: Share, spec: RenderSpec, inspected: Inspection, folder: Path
) -> tuple[RenderSpec, Inspection]:
    """Return a render whose spoken narrations, and their words, are faster or slower; see `tempo.decide_tempo`.

    Args:
        share: Where the work is done.
        spec: The render.
        inspected: Its files.
        folder: Where the changed narrations go.
    """
    is_recorded = {shot.id: bool(shot.narration_audio_uri) for shot in spec.project.shots}
    spoken = {
        shot_id: files.narration
        for shot_id, files in inspected.media.shots.items()
        if files.narration is not None and not is_recorded.get(shot_id, True)
    }
    recorded = {files.narration for shot_id, files in inspected.media.shots.items() if is_recorded.get(shot_id, True)}
    # A shot that needs no translation has the same recording in every language.
    dubbed = {
        (place, shot_id): path
        for place, dub in enumerate(inspected.media.dubs)
        for shot_id, path in dub.narrations.items()
        if path not in recorded
    }
    if spec.project.target_duration is None or not (spoken or dubbed):
        return spec, inspected
    dubbed_shots = frozenset(shot_id for _, shot_id in dubbed)
    tempo, words = await share.run(
        decide_tempo, spec, inspected.facts, inspected.media, frozenset(spoken), dubbed_shots
    )
    if tempo == 1:
        return spec, inspected
    gate = asyncio.Semaphore(share.width)

    async def change(number: int, path: Path) -> tuple[Path, InspectedFile]:
        changed = folder / f"narration-{number}.flac"
        asset = narration_asset(distinct[path], path)
        async with gate:
            await share.run_with(TaskOptions(MIXING, asset), change_tempo, asset, tempo, changed)
            options = TaskOptions(PROBING, asset)
            return changed, await share.run_with(options, inspect_file, replace(asset, path=changed), Use.SOUND)

    # Shots with the same text share a file.
    distinct = {path: shot_id for (_, shot_id), path in dubbed.items()} | {path: key for key, path in spoken.items()}
    async with task_group() as group:
        tasks = {path: group.create_task(change(number, path)) for number, path in enumerate(distinct)}
    shots, facts, hashes = dict(inspected.media.shots), dict(inspected.facts), dict(inspected.hashes)
    for shot_id, path in spoken.items():
        changed, found = tasks[path].result()
        shots[shot_id] = replace(shots[shot_id], narration=changed)
        measured = facts.get(shot_id, MediaFacts())
        facts[shot_id] = replace(measured, narration=found.length, pauses=found.pauses)
        hashes[changed] = found.sha256
    dubs = list(inspected.media.dubs)
    for (place, shot_id), path in dubbed.items():
        changed, found = tasks[path].result()
        dubs[place] = replace(dubs[place], narrations={**dubs[place].narrations, shot_id: changed})
        lengths = list(facts[shot_id].dubs)
        lengths[place] = found.length
        facts[shot_id] = replace(facts[shot_id], dubs=tuple(lengths))
        hashes[changed] = found.sha256
    timed = tuple(replace(shot, words=words[shot.id]) if shot.id in words else shot for shot in spec.project.shots)
    media = replace(inspected.media, shots=shots, dubs=tuple(dubs))
    return replace(spec, project=replace(spec.project, shots=timed)), replace(
        inspected, media=media, facts=facts, hashes=hashes
    )
