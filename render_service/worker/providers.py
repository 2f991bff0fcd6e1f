"""Opens the providers that are configured for a worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Asset
from render_service.config.providers import missing_settings
from render_service.config.settings import Settings
from render_service.config.speech_providers import remote_speech
from render_service.db.database import Database
from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.domain.generation.provider_models import GENERATING_PROVIDERS
from render_service.domain.jobs.job import ProviderName
from render_service.fetch.addresses import is_public
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.policy import FetchPolicy
from render_service.progress.task_hints import TaskHints
from render_service.providers.apis.instrumented import InstrumentedProvider
from render_service.providers.apis.registry import PROVIDERS
from render_service.providers.generation.cancellation import OrphanCanceller
from render_service.providers.generation.clips import ClipGenerator
from render_service.providers.generation.limits import GenerationLimits, provider_retry_policy
from render_service.providers.generation.results import ClipCopies, ClipInfo
from render_service.providers.generation.submission import ClipSubmissions
from render_service.providers.generator import Generator
from render_service.providers.local import LocalProvider
from render_service.providers.mock import MockProvider
from render_service.providers.provider_api import ProviderApi
from render_service.providers.speech.narration import ledger_name
from render_service.runtime.lifecycle import connect_redis
from render_service.storage.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers of a worker by name, what cancels orphaned tasks, and the subscription to callbacks, if any."""

    providers: dict[ProviderName, Generator]
    canceller: OrphanCanceller
    hints: TaskHints | None

    async def run(self) -> None:
        """Cancel orphaned tasks and receive callbacks until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.canceller.run())
            if self.hints is not None:
                group.create_task(self.hints.run())


@asynccontextmanager
async def open_providers(
    settings: Settings, database: Database, store: ObjectStore, compositor: Compositor
) -> AsyncIterator[Providers]:
    """Open the configured providers. Submissions in flight are recorded before it closes.

    Args:
        settings: The service's configuration.
        database: Records submissions.
        store: Stores clips.
        compositor: Probes clips.

    Raises:
        ConfigurationError: The contract of `custom` cannot be read.
    """
    missing = missing_settings(settings)
    names = [name for name in sorted(GENERATING_PROVIDERS) if name not in missing]
    limits = generation_limits(settings)

    async def probe(path: Path) -> ClipInfo:
        facts = await compositor.probe_clip(Asset(path, "clip"))
        return ClipInfo(facts.duration, facts.width, facts.height)

    async with AsyncExitStack() as stack:
        ledger = GenerationLedger(database)
        subscription = connect_redis(settings.redis_url, timeout_seconds=None)
        stack.push_async_callback(subscription.aclose)
        hints = TaskHints(subscription)
        submissions: dict[ProviderName, ClipSubmissions] = {}
        fetchers: dict[ProviderName, Fetcher] = {}
        for name in names:
            provider = PROVIDERS[name].open(settings)
            await stack.enter_async_context(provider.api)
            fetchers[name] = Fetcher(result_policy(name, settings))
            submissions[name] = ClipSubmissions(InstrumentedProvider(provider), ledger, limits.retry)
            stack.push_async_callback(submissions[name].close)
        copies = ClipCopies(store, fetchers, probe)
        apis: dict[ProviderName, ProviderApi] = {name: one.api for name, one in submissions.items()}
        yield Providers(
            {
                ProviderName.LOCAL: LocalProvider(),
                ProviderName.MOCK: MockProvider(settings.mock_delay),
                **{name: ClipGenerator(name, submissions, ledger, copies, limits, hints=hints) for name in names},
            },
            OrphanCanceller(ledger, apis, unsent_at=[ledger_name(provider) for provider in remote_speech(settings)]),
            hints if settings.callback_url is not None else None,
        )


def generation_limits(settings: Settings) -> GenerationLimits:
    """Return the limits of requests to providers."""
    return GenerationLimits(
        provider_retry_policy(
            retries=settings.video_api_retry_attempts,
            mean_delay=timedelta(seconds=settings.video_api_retry_delay),
        ),
        task_timeout=timedelta(seconds=settings.video_api_task_timeout),
        poll_interval=timedelta(seconds=settings.video_api_poll_seconds) if settings.video_api_poll_seconds else None,
    )


def result_policy(name: ProviderName, settings: Settings) -> FetchPolicy:
    """Return where the results of a provider may be fetched from.

    Public hosts over https, as for the assets of callers. If the operator configured an API inside the network, results
    may come from inside too, but only from that host and from those that the settings name.
    """
    entry = PROVIDERS[name]
    base = entry.base_url(settings)
    host = ((base.host if base else None) or "").strip("[]").lower()
    if not _is_inside(host):
        return FetchPolicy(max_bytes=settings.max_asset_bytes)
    return FetchPolicy(
        allow_http=True,
        allow_private=True,
        allowed_hosts=frozenset({host, *entry.result_hosts(settings)}),
        max_bytes=settings.max_asset_bytes,
    )


def _is_inside(host: str) -> bool:
    try:
        return not is_public(ip_address(host))
    except ValueError:
        return "." not in host or host.endswith((".internal", ".local", ".lan", ".localhost"))
