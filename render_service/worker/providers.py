"""Puts the providers together that the settings of a worker allow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from pydantic import HttpUrl

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Asset
from render_service.config.settings import Settings, missing_settings
from render_service.db.database import Database
from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.domain.generation.provider_models import GENERATING_PROVIDERS
from render_service.domain.jobs.job import ProviderName
from render_service.fetch.addresses import is_public
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.policy import FetchPolicy
from render_service.progress.task_hints import TaskHints
from render_service.providers.apis.custom import CustomProvider
from render_service.providers.apis.custom_contract import load_contract
from render_service.providers.apis.instrumented import InstrumentedProvider
from render_service.providers.apis.pika import PikaProvider
from render_service.providers.apis.runway import RunwayProvider
from render_service.providers.clip_provider import ProviderApi
from render_service.providers.generation.cancellation import OrphanCanceller
from render_service.providers.generation.clips import ClipMaker
from render_service.providers.generation.results import ClipCopies, ClipLook
from render_service.providers.generation.retry_policy import Patience
from render_service.providers.generation.submission import Submissions
from render_service.providers.local import LocalProvider
from render_service.providers.mock import MockProvider
from render_service.providers.provider import Generator
from render_service.runtime.lifecycle import connect_redis
from render_service.storage.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers of a worker, by name, who stops the tasks of cancelled jobs, and who hears of callbacks, if any."""

    providers: dict[ProviderName, Generator]
    abandoned: OrphanCanceller
    hints: TaskHints | None

    async def run(self) -> None:
        """Stop tasks, and hear of callbacks, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.abandoned.run())
            if self.hints is not None:
                group.create_task(self.hints.run())


@asynccontextmanager
async def open_providers(
    settings: Settings, database: Database, store: ObjectStore, compositor: Compositor
) -> AsyncIterator[Providers]:
    """Open the providers that the settings allow; on leaving, orders on their way are written down.

    Args:
        settings: The service's configuration.
        database: Where orders are written down.
        store: Where clips are kept.
        compositor: Looks at clips.

    Raises:
        ConfigurationError: the contract of `custom` cannot be read.
    """
    missing = missing_settings(settings)
    names = [name for name in sorted(GENERATING_PROVIDERS) if name not in missing]
    patience = Patience(
        attempts=settings.video_api_retry_attempts,
        delay=timedelta(seconds=settings.video_api_retry_delay),
        task=timedelta(seconds=settings.video_api_task_timeout),
        poll=timedelta(seconds=settings.video_api_poll_seconds) if settings.video_api_poll_seconds else None,
    )

    async def look(path: Path) -> ClipLook:
        facts = await compositor.look_at_clip(Asset(path, "clip"))
        return ClipLook(facts.duration, facts.width, facts.height)

    async with AsyncExitStack() as stack:
        ledger = GenerationLedger(database)
        subscription = connect_redis(settings.redis_url, timeout_seconds=None)
        stack.push_async_callback(subscription.aclose)
        hints = TaskHints(subscription)
        orders: dict[ProviderName, Submissions] = {}
        fetchers: dict[ProviderName, Fetcher] = {}
        for name in names:
            provider, base = _clip_provider(name, settings)
            await stack.enter_async_context(provider.api)
            fetchers[name] = Fetcher(result_policy(name, base, settings))
            orders[name] = Submissions(InstrumentedProvider(provider), ledger, patience)
            stack.push_async_callback(orders[name].close)
        copies = ClipCopies(store, fetchers, look)
        clip_providers: dict[ProviderName, ProviderApi] = {name: one.provider for name, one in orders.items()}
        yield Providers(
            {
                ProviderName.LOCAL: LocalProvider(),
                ProviderName.MOCK: MockProvider(settings.mock_delay),
                **{name: ClipMaker(name, orders, ledger, copies, patience, hints=hints) for name in names},
            },
            OrphanCanceller(ledger, clip_providers),
            hints if settings.callback_url is not None else None,
        )


def result_policy(name: ProviderName, base: HttpUrl, settings: Settings) -> FetchPolicy:
    """Return where the results of a provider may be fetched from.

    The open network over https, as for the assets of callers. Where the operator has put the provider's own address
    inside the network, results may lie inside too, but only on that host and on those that he names.
    """
    host = (base.host or "").strip("[]").lower()
    if not _is_inside(host):
        return FetchPolicy(max_bytes=settings.max_asset_bytes)
    extra = settings.custom_video_result_hosts if name is ProviderName.CUSTOM else ()
    return FetchPolicy(
        allow_http=True,
        allow_private=True,
        allowed_hosts=frozenset({host, *extra}),
        max_bytes=settings.max_asset_bytes,
    )


def _is_inside(host: str) -> bool:
    try:
        return not is_public(ip_address(host))
    except ValueError:
        return "." not in host or host.endswith((".internal", ".local", ".lan", ".localhost"))


def _clip_provider(
    name: ProviderName, settings: Settings
) -> tuple[RunwayProvider | PikaProvider | CustomProvider, HttpUrl]:
    timeout = settings.video_api_request_timeout
    if name is ProviderName.RUNWAY:
        assert settings.runwayml_api_key is not None
        runway = RunwayProvider(
            str(settings.runwayml_base_url),
            settings.runwayml_api_key.get_secret_value(),
            concurrency=settings.runwayml_concurrency,
            timeout_seconds=timeout,
        )
        return runway, settings.runwayml_base_url
    if name is ProviderName.PIKA:
        assert settings.pika_api_key is not None
        pika = PikaProvider(
            str(settings.pika_base_url),
            settings.pika_api_key.get_secret_value(),
            concurrency=settings.pika_concurrency,
            timeout_seconds=timeout,
            callback_url=settings.callback_url_of(name),
        )
        return pika, settings.pika_base_url
    assert settings.custom_video_api_url is not None
    key = settings.custom_video_api_key
    custom = CustomProvider(
        str(settings.custom_video_api_url),
        key.get_secret_value() if key else None,
        load_contract(settings.custom_video_api_contract),
        concurrency=settings.custom_video_concurrency,
        timeout_seconds=timeout,
        callback_url=settings.callback_url_of(name),
    )
    return custom, settings.custom_video_api_url
