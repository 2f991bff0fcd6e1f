"""Signatures, schedules and addresses of webhooks, by themselves."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks.webhooks import Webhook

from render_service.domain.webhooks.webhook import ENDS
from render_service.fetch.retry_after import read_retry_after
from render_service.webhooks.backoff import MAX_DELAY, SCHEDULE, delay_after
from render_service.webhooks.signing import secrets_of, signed_headers
from render_service.webhooks.url_policy import WebhookUrlPolicy, host_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_signature_is_that_of_the_reference_library() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = json.dumps({"test": 2432232314, "text": "渲染"}).encode()
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [secret])
    moment = datetime.fromtimestamp(1614265330, UTC)
    expected = Webhook(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body.decode())
    assert headers["webhook-signature"] == expected
    # The vector of the library's own tests.
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_stable_and_of_one_workspace_and_key() -> None:
    keys = [bytes(32), b"k" * 32]
    assert secrets_of("team", keys) == secrets_of("team", keys)
    everyone = [secret for workspace in ("team", "team-a", "a") for secret in secrets_of(workspace, keys)]
    assert len(set(everyone)) == 6
    # What receivers have must stay good over upgrades.
    assert secrets_of("team", [bytes(32)]) == ("whsec_ZeH1Kcfyq8J56ikoADME2A3xNj1RSE9fP2dbPdZsft8=",)


def test_waits_are_those_of_the_schedule_and_up_to_a_fifth_longer() -> None:
    for number, wait in enumerate(SCHEDULE, 1):
        found = [delay_after(number) for _ in range(200)]
        assert all(delay is not None and wait <= delay <= wait * 1.2 for delay in found)
        assert len(set(found)) > 100
    assert delay_after(len(SCHEDULE) + 1) is None
    assert sum(SCHEDULE, timedelta(0)) == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        (timedelta(minutes=1), timedelta(minutes=1)),
        (timedelta(0), SCHEDULE[0]),
        (timedelta(days=400), MAX_DELAY),
    ],
)
def test_a_receiver_can_ask_for_a_longer_wait_up_to_a_day_but_not_for_a_shorter_one(
    asked: timedelta, least: timedelta
) -> None:
    delay = delay_after(1, asked)
    assert delay is not None
    assert least <= delay <= least * 1.2
    assert delay_after(10, asked) is None


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(seconds=120)),
        (" 0 ", timedelta(0)),
        ("9" * 400, MAX_DELAY),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), timedelta(minutes=5)),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), timedelta(0)),
        ("Sun Nov 22 12:01:00 2026", timedelta(minutes=1)),
        ("soon", None),
        ("-5", None),
        ("1.5", timedelta(seconds=1.5)),
        ("٣", None),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_nonsense_is_none(text: str, wait: timedelta | None) -> None:
    assert read_retry_after(text, NOW, most=MAX_DELAY) == wait


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.com/x", "example.com:443"),
        ("http://example.com:8080", "example.com:8080"),
        ("http://127.0.0.1/", "127.0.0.1:80"),
        ("https://[2001:DB8::1]:8443/", "2001:db8::1:8443"),
        ("https://例え.テスト/", "xn--r8jz45g.xn--zckzah:443"),
    ],
)
def test_a_host_is_named_with_its_port(url: str, host: str) -> None:
    assert host_of(url) == host


def test_hosts_that_the_operator_names_are_allowed_by_name_only() -> None:
    addresses = WebhookUrlPolicy(["hooks.internal", "127.0.0.1", "::1"])
    for url in (
        "http://hooks.internal/",
        "https://HOOKS.internal:8443/x",
        "http://127.0.0.1:9000/",
        "http://[::1]:9000/",
    ):
        assert addresses.fault(url) is None, url
    for url in (
        "http://hooks.internal.example.com/",
        "https://x.hooks.internal/",
        "http://127.0.0.2/",
        "https://localhost/",
    ):
        assert addresses.fault(url) is not None, url
    assert addresses.fault("https://example.com/") is None
    assert addresses.fault("http://example.com/") is not None, "plain http is for named hosts only"


def test_the_default_statuses_are_the_three_terminal_ones() -> None:
    assert ENDS == ("COMPLETED", "FAILED", "CANCELLED")
