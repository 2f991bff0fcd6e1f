"""What is broken on purpose, and when: a schedule made from a seed, and the breaking itself."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import redis
from dramatiq import Message

from render_service.queue.broker import RENDER_ACTOR, RENDER_QUEUE, RenderQueue, make_broker
from tests.robustness import statements
from tests.robustness.cluster import Cluster, Member, Role
from tests.robustness.proxy import Act, Moment, Proxy, Trap
from tests.stores import set_read_only

_STEP_PATIENCE_SECONDS = 4.0
_READY_PATIENCE_SECONDS = 8.0

_STEPS: dict[Role, dict[str, tuple[bool, bytes]]] = {
    # By name: whether it is a statement to Postgres, and its text.
    Role.WORKER: {
        "claim": (True, statements.CLAIM),
        "report": (True, statements.REPORT),
        "renew": (True, statements.RENEW),
        "complete": (True, statements.COMPLETE),
        "publish": (False, statements.PUBLISH),
        "fetch": (False, statements.FETCH),
        "acknowledge": (False, statements.ACKNOWLEDGE),
    },
    Role.SERVER: {
        "start": (True, statements.START),
        "take-outbox": (True, statements.TAKE_OUTBOX),
        "reclaim": (True, statements.RECLAIM),
        "enqueue": (False, statements.ENQUEUE),
        "publish": (False, statements.PUBLISH),
    },
}
# How often each kind comes, among all.
_KINDS = {
    "kill": 14,
    "kill-at-step": 24,
    "terminate": 5,
    "freeze": 8,
    "lose-reply": 8,
    "swallow-reply": 4,
    "cut": 5,
    "swallow-replies": 3,
    "delay-replies": 3,
    "kill-valkey": 4,
    "wipe-valkey": 4,
    "freeze-valkey": 3,
    "restart-postgres": 2,
    "kill-postgres": 3,
    "freeze-postgres": 3,
    "read-only-postgres": 3,
    "duplicate-messages": 4,
    "shift-clock": 3,
}
KILLS = frozenset({"kill", "kill-at-step", "kill-valkey", "kill-postgres"})


@dataclass(frozen=True, slots=True)
class Failpoint:
    """One thing to break.

    `role` and `index` name a process; `step` and `moment` where in a job's life; `seconds` how long, and `pause` how
    long to wait before the next one. What a kind does not need is there all the same, so that schedules are simple.
    """

    kind: str
    role: Role
    index: int
    step: str
    moment: Moment
    seconds: float
    pause: float

    def __str__(self) -> str:
        process = f"{self.role} {self.index + 1}"
        match self.kind:
            case "kill-at-step" | "lose-reply" | "swallow-reply":
                return f"{self.kind} of {process}: {self.moment.name.lower()} {self.step}"
            case kind if kind.endswith(("valkey", "postgres", "messages", "clock")):
                return self.kind
            case _:
                return f"{self.kind} {process}"


def schedule(seed: int, kills: int, *, servers: int, workers: int, lease_seconds: float) -> Iterator[Failpoint]:
    """Yield failpoints until so many of them kill something; the same for the same arguments."""
    choice = random.Random(f"failpoints {seed}")
    while kills > 0:
        kind = choice.choices(list(_KINDS), list(_KINDS.values()))[0]
        role = choice.choices([Role.WORKER, Role.SERVER], [3, 2])[0]
        longest = lease_seconds + 2 if kind == "freeze" else 3.0
        yield Failpoint(
            kind=kind,
            role=role,
            index=choice.randrange(workers if role is Role.WORKER else servers),
            step=choice.choice(sorted(_STEPS[role])),
            moment=choice.choice([Moment.BEFORE, Moment.AFTER]) if kind == "kill-at-step" else Moment.AFTER,
            seconds=choice.uniform(0.5, longest),
            pause=choice.uniform(0.2, 1.2),
        )
        kills -= kind in KILLS


class Saboteur:
    """Performs failpoints on a cluster.

    Args:
        cluster: What to break.
        seed: Of the choices that a failpoint leaves open.
    """

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.at_steps: Counter[str] = Counter()
        """How often a process was killed exactly at a step."""
        self._cluster = cluster
        self._choice = random.Random(f"saboteur {seed}")
        self._locks: dict[str, asyncio.Lock] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(self.done[kind] for kind in KILLS)

    async def perform(self, failpoint: Failpoint) -> None:
        """Break something; what heals by itself later is not waited for, unless it is to be broken again."""
        task = asyncio.create_task(self._perform(failpoint))
        self._under_way.add(task)
        await asyncio.wait([task], timeout=failpoint.pause)
        await asyncio.sleep(failpoint.pause)
        if len(self._under_way) > 4:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        for ended in [task for task in self._under_way if task.done()]:
            self._under_way.discard(ended)
            ended.result()

    async def finish(self) -> None:
        """Wait until everything is healed."""
        await asyncio.gather(*self._under_way)
        self._under_way.clear()
        await asyncio.gather(*(member.until_ready() for member in self._cluster.members))

    async def _perform(self, failpoint: Failpoint) -> None:
        member = self._member(failpoint)
        store = failpoint.kind.rpartition("-")[2]
        async with self._locks.setdefault(store if store in ("valkey", "postgres") else member.name, asyncio.Lock()):
            match failpoint.kind:
                case "kill-valkey" | "wipe-valkey" | "freeze-valkey":
                    await self._break_valkey(failpoint)
                case "kill-postgres" | "restart-postgres" | "freeze-postgres" | "read-only-postgres":
                    await self._break_postgres(failpoint)
                case "duplicate-messages":
                    await asyncio.to_thread(self._duplicate_messages)
                case "shift-clock":
                    self._cluster.shift_clock(self._choice.choice([-7200, -30, 0, 30, 7200]))
                case _:
                    await self._break_member(failpoint, member)
        self.done[failpoint.kind] += 1

    async def _break_member(self, failpoint: Failpoint, member: Member) -> None:
        # One that is just being started has no steps to be killed at.
        with contextlib.suppress(TimeoutError):
            await member.until_ready(_READY_PATIENCE_SECONDS)
        match failpoint.kind:
            case "kill":
                member.kill()
            case "kill-at-step":
                await self._kill_at_step(failpoint, member)
            case "lose-reply" | "swallow-reply":
                proxy, text = self._step(failpoint, member)
                act = Act.CUT if failpoint.kind == "lose-reply" else Act.SWALLOW
                await self._wait_for(proxy, Trap(text, Moment.AFTER, act))
            case "terminate":
                await member.terminate()
            case "freeze":
                member.freeze()
                await asyncio.sleep(failpoint.seconds)
                member.thaw()
            case "cut":
                self._choice.choice(member.proxies).cut()
            case "swallow-replies":
                proxy = self._choice.choice(member.proxies)
                proxy.swallow_replies()
                await asyncio.sleep(failpoint.seconds)
                proxy.heal()
            case "delay-replies":
                proxy = self._choice.choice(member.proxies)
                proxy.delay = 0.15
                await asyncio.sleep(failpoint.seconds)
                proxy.heal()

    async def _kill_at_step(self, failpoint: Failpoint, member: Member) -> None:
        proxy, text = self._step(failpoint, member)
        trap = Trap(text, failpoint.moment, Act.CUT, spring=member.kill)
        if await self._wait_for(proxy, trap):
            self.at_steps[f"{failpoint.moment.name.lower()} {failpoint.step}"] += 1
        else:
            member.kill()

    async def _wait_for(self, proxy: Proxy, trap: Trap) -> bool:
        proxy.set_trap(trap)
        try:
            async with asyncio.timeout(_STEP_PATIENCE_SECONDS):
                await trap.sprung.wait()
        except TimeoutError:
            proxy.remove_trap(trap)
        return trap.sprung.is_set()

    def _step(self, failpoint: Failpoint, member: Member) -> tuple[Proxy, bytes]:
        in_postgres, text = _STEPS[failpoint.role][failpoint.step]
        return member.postgres if in_postgres else member.redis, text

    def _member(self, failpoint: Failpoint) -> Member:
        members = self._cluster.workers if failpoint.role is Role.WORKER else self._cluster.servers
        return members[failpoint.index]

    async def _break_valkey(self, failpoint: Failpoint) -> None:
        valkey = self._cluster.valkey
        match failpoint.kind:
            case "kill-valkey":
                valkey.kill()
                await asyncio.sleep(failpoint.seconds / 2)
                await valkey.restart()
            case "wipe-valkey":
                await valkey.wipe()
            case _:
                valkey.freeze()
                await asyncio.sleep(failpoint.seconds)
                valkey.thaw()

    async def _break_postgres(self, failpoint: Failpoint) -> None:
        postgres = self._cluster.postgres
        match failpoint.kind:
            case "kill-postgres":
                postgres.kill()
                await postgres.restart()
            case "restart-postgres":
                await postgres.restart()
            case "read-only-postgres":
                await set_read_only(postgres.url, True)
                await asyncio.sleep(failpoint.seconds)
                await set_read_only(postgres.url, False)
            case _:
                postgres.freeze()
                await asyncio.sleep(failpoint.seconds)
                postgres.thaw()

    def _duplicate_messages(self) -> None:
        """Turn the queue around, and put into it what was sent before, and messages for jobs that do not exist."""
        broker = make_broker(self._cluster.valkey.url)
        RenderQueue(broker)
        client: redis.Redis = broker.client
        queue = f"{broker.namespace}:{RENDER_QUEUE}"
        try:
            ids = client.lrange(queue, 0, -1)
            for number in range(5):
                known = client.hget(f"{queue}.msgs", self._choice.choice(ids)) if ids else None
                broker.enqueue(Message.decode(known) if isinstance(known, bytes) else _message_for_nobody(number))
            if ids:
                client.sort(queue, alpha=True, store=queue)
        except redis.RedisError:
            # It was just killed: then there is nothing to turn around.
            return
        finally:
            broker.close()


def _message_for_nobody(number: int) -> "Message[object]":
    job_id = f"00000000-0000-4000-8000-{number:012}"
    return Message(queue_name=RENDER_QUEUE, actor_name=RENDER_ACTOR, args=(job_id,), kwargs={}, options={})
