"""Has font files checked, each in a process of its own; see `check_process`."""

import asyncio
import json
import sys
import tempfile
from contextlib import suppress
from weakref import WeakValueDictionary

from render_service.confinement.environment import inherited_environment
from render_service.domain.brand.fonts import CheckedFont, FontFacts, FontLicense
from render_service.domain.errors import FieldFault, InvalidFields
from render_service.fonts.check_process import READY
from render_service.fonts.faults import FontRefused
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_AT_ONCE = 2


class FontChecker:
    """Checks font files, a few at a time, and one of a workspace: so none keeps the others waiting for long."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check(self, workspace_id: str, content: bytes, family: str, field: str) -> CheckedFont:
        """Check a font file and write it anew.

        Args:
            workspace_id: Whose it is.
            content: The file.
            family: Name of its family; empty takes the font's own.
            field: Path of the file in the request.

        Raises:
            InvalidFields: It is refused.
            OSError: The machine cannot start a process.
            RuntimeError: A process has ended before it read the file.
        """
        turn = self._turns.setdefault(workspace_id, asyncio.Lock())
        async with turn, self._places:
            try:
                return await _check(content, family)
            except FontRefused as refused:
                raise InvalidFields([FieldFault(field, refused.fault)]) from None


async def _check(content: bytes, family: str) -> CheckedFont:
    scratch = tempfile.gettempdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # nothing of the folder that the server runs in
        "-m",
        "render_service.fonts.check_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=inherited_environment() | {"HOME": scratch, "TMPDIR": scratch},
    )
    try:
        answer, said = await process.communicate(json.dumps({"family": family}).encode() + b"\n" + content)
    except BaseException:
        # Nobody waits for it any longer.
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if not answer.startswith(READY):
        # Nothing of the font was read by then.
        last = said.decode(errors="replace")[-2000:]
        _log.error("the process that checks fonts did not start", exit_code=process.returncode, said=last)
    return read_answer(answer)


def read_answer(answer: bytes) -> CheckedFont:
    """Return what a process has answered.

    Raises:
        FontRefused: The font is refused, or has ended the process.
        RuntimeError: The process ended before it read the font.
    """
    if not answer.startswith(READY):
        raise RuntimeError("the process that checks fonts did not start")
    header, end, written = answer.removeprefix(READY).partition(b"\n")
    if not end:
        raise FontRefused("takes more time or memory to read than any good font; export the font again")
    described = json.loads(header)
    if "refused" in described:
        raise FontRefused(described["refused"])
    facts = described["facts"]
    return CheckedFont(
        FontFacts(**facts | {"license": FontLicense(facts["license"]), "scripts": tuple(facts["scripts"])}),
        written,
        described["sha256"],
        tuple(described["dropped"]),
    )
