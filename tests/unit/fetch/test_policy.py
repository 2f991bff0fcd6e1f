"""What can be refused by looking at a URI is refused, and nothing else."""

from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.fetch.addresses import is_public
from render_service.fetch.policy import (
    MAX_URI_LENGTH,
    FetchPolicy,
    check_open_uri,
    check_uri,
    quote_blanks,
    uri_fault,
)
from tests.unit.fetch.hostile import BY_ADDRESS, BY_SIGHT

STRICT = FetchPolicy()


@pytest.mark.parametrize("uri", BY_SIGHT.values(), ids=BY_SIGHT.keys())
def test_hostile_uris_are_refused_by_sight(uri: str) -> None:
    fault = check_uri(uri, STRICT)
    assert fault
    assert fault[0].islower()
    assert not fault.endswith(".")


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/a.png",
        "HTTPS://Example.COM/a.png",
        "https://cdn.example.co.uk:8443/x/y.mp4?token=a%2Fb&x=@y#part",
        "https://my_bucket.s3.eu-west-1.amazonaws.com/a.png",
        "https://93.184.216.34/a.png",
        "https://[2606:4700::1111]/a.png",
        "https://[64:ff9b::5db8:d822]/a.png",
        "https://例子.测试/图片.png",
        "https://example.com./a.png",
        "https://1password.com/a.png",
        "https://0x.org/a.png",
        "https://123.example/a.png",
        "https://example.com/" + "a" * (MAX_URI_LENGTH - 20),
    ],
)
def test_honest_uris_pass(uri: str) -> None:
    assert check_uri(uri, STRICT) is None


def test_presigned_urls_of_8192_characters_pass() -> None:
    presigned = "https://example.com/" + "a" * (8192 - 20)
    assert check_uri(presigned, STRICT) is None
    assert check_uri(presigned + "a", STRICT) == "must have at most 8192 characters"


@pytest.mark.parametrize(
    ("uri", "quoted"),
    [
        ("https://example.com/a b.mp4?x=c d#e f", "https://example.com/a%20b.mp4?x=c%20d#e%20f"),
        ("https://example.com?x=c d", "https://example.com?x=c%20d"),
        ("https://example.com/a%20b", "https://example.com/a%20b"),
        ("../a b.mp4", "../a%20b.mp4"),
        ("file:///srv/a b.png", "file:///srv/a%20b.png"),
        ("https://example.com evil/a b", "https://example.com evil/a%20b"),
    ],
)
def test_blanks_behind_the_host_are_percent_encoded(uri: str, quoted: str) -> None:
    assert quote_blanks(uri) == quoted


@pytest.mark.parametrize("uri", BY_SIGHT.values(), ids=BY_SIGHT.keys())
def test_no_hostile_uri_becomes_allowed_by_percent_encoding(uri: str) -> None:
    assert uri_fault(quote_blanks(uri), STRICT)


def test_http_passes_only_where_allowed() -> None:
    assert check_uri("http://example.com/", FetchPolicy(allow_http=True)) is None
    assert check_uri("http://127.0.0.1/", FetchPolicy(allow_http=True)) is not None
    assert check_uri("ftp://example.com/", FetchPolicy(allow_http=True)) is not None


def test_networks_named_by_the_operator_pass_and_no_others() -> None:
    policy = FetchPolicy(allowed_networks=(IPv4Network("10.1.0.0/16"),))
    assert check_uri("https://10.1.2.3/a", policy) is None
    assert check_uri("https://assets.internal/a", policy) is None  # its address is checked when connecting
    assert check_uri("https://10.2.0.1/a", policy) is not None
    assert check_uri("https://[::ffff:10.2.0.1]/a", policy) is not None


def test_a_list_of_hosts_shuts_out_all_others() -> None:
    policy = FetchPolicy(allowed_hosts=frozenset({"cdn.example.com", ".films.example"}))
    assert check_uri("https://CDN.example.com/a", policy) is None
    assert check_uri("https://a.b.films.example/a", policy) is None
    for host in ("example.com", "evil-cdn.example.com", "cdn.example.com.evil.org", "films.example", "1.1.1.1"):
        assert check_uri(f"https://{host}/a", policy) is not None


@pytest.mark.parametrize(
    "uri",
    [
        "file:///samples/../etc/passwd",
        "file:///samples/%2e%2e/etc/passwd",
        "file:///samples%2f..%2fetc/passwd",
        "file:///samplesevil/a.png",
        "file://evil/samples/a.png",
        "file:samples/a.png",
        "file:///samples/a%00.png",
        "file:///",
    ],
)
def test_files_outside_the_roots_are_refused(uri: str) -> None:
    assert check_uri(uri, FetchPolicy(file_roots=(Path("/samples"),))) is not None


def test_refused_files_name_the_setting_that_allows_them() -> None:
    for policy in (FetchPolicy(), FetchPolicy(file_roots=(Path("/samples"),))):
        fault = check_uri("file:///home/me/boat.jpg", policy)
        assert fault is not None
        assert "RENDER_FILE_ROOTS" in fault


def test_files_inside_the_roots_pass() -> None:
    policy = FetchPolicy(file_roots=(Path("/other"), Path("/samples")))
    assert check_uri("file:///samples/a%20b.png", policy) is None
    assert check_uri("file://localhost/samples/x/../a.png", policy) is None


@pytest.mark.parametrize("addresses", BY_ADDRESS.values(), ids=BY_ADDRESS.keys())
def test_every_hostile_answer_of_dns_holds_an_address_that_is_not_public(addresses: list[str]) -> None:
    assert not all(is_public(ip_address(address)) for address in addresses)


@given(st.ip_addresses(v=4))
def test_a_numeric_host_passes_only_as_a_public_dotted_quad(address: IPv4Address) -> None:
    number = int(address)
    octets = address.packed
    spellings = (
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(f"0{octet:o}" for octet in octets),
        ".".join(hex(octet) for octet in octets),
        f"{octets[0]}.{number & 0xFFFFFF}",
        f"{octets[0]}.{octets[1]}.{number & 0xFFFF}",
    )
    for spelling in spellings:
        assert check_uri(f"https://{spelling}/", STRICT) is not None
    assert (check_uri(f"https://{address}/", STRICT) is None) == is_public(address)


@given(st.ip_addresses(v=4).filter(lambda address: not is_public(address)))
def test_an_address_inside_stays_inside_in_every_ipv6_dress(address: IPv4Address) -> None:
    number = int(address)
    dresses = (
        number,  # compatible
        0xFFFF << 32 | number,  # mapped
        0xFFFF << 48 | number,  # translated
        0x0064FF9B << 96 | number,  # NAT64
        0x2002 << 112 | number << 80,  # 6to4
        0x20010000 << 96 | (number ^ 0xFFFFFFFF),  # Teredo
        0x2606470000000000 << 64 | 0x5EFE << 32 | number,  # ISATAP
    )
    for dress in dresses:
        assert not is_public(IPv6Address(dress))


@given(st.ip_addresses(v=4))
def test_nothing_that_python_calls_inside_is_public(address: IPv4Address) -> None:
    """Python's own tables know less than ours, but never call inside what we call public."""
    if is_public(address):
        assert address.is_global


@given(st.text(max_size=60))
def test_any_text_gets_an_answer(text: str) -> None:
    check_uri(text, STRICT)
    check_uri(f"https://{text}", STRICT)
    check_uri(f"file://{text}", FetchPolicy(file_roots=(Path("/samples"),)))


def test_the_limits_of_a_policy_bound_every_fetch() -> None:
    assert STRICT.total_timeout > STRICT.idle_timeout > timedelta(0)
    assert STRICT.max_redirects <= 5


@pytest.mark.parametrize(
    "pieces",
    [
        ("", ""),
        ("", "/a.png"),
        ("ht", "://example.com/a.png"),
        ("https://", ".example.com/a.png"),
        ("https://cdn.", "/a.png"),
        ("https://example.com/", ".png"),
        ("HTTPS://example.com?name=", "&size=", ""),
    ],
)
def test_of_an_address_with_unknown_parts_nothing_is_refused_that_may_become_right(pieces: tuple[str, ...]) -> None:
    assert check_open_uri(pieces, STRICT) is None


@pytest.mark.parametrize(
    "pieces",
    [
        ("ftp://", "/a.png"),
        ("example.com/", ".png"),
        ("http://", "/a.png"),
        ("file:///", "/a.png"),
        ("https://10.0.0.1/", ".png"),
        ("https://localhost/", ".png"),
        ("https://user@example.com/", ".png"),
        ("https://example.com/", " .png"),
        ("https://example.com/" + "a" * 4092, "", "a" * 4092),
    ],
)
def test_of_an_address_with_unknown_parts_is_refused_what_nothing_can_mend(pieces: tuple[str, ...]) -> None:
    assert check_open_uri(pieces, STRICT)


@given(st.sampled_from([*BY_SIGHT.values(), "https://example.com/a.png?b=c"]), st.integers(0), st.integers(0))
def test_an_address_that_is_allowed_is_so_with_any_part_unknown(uri: str, first: int, after: int) -> None:
    policy = FetchPolicy(allow_http=True, allow_private=True, file_roots=(Path("/srv"),))
    start, stop = sorted((first % (len(uri) + 1), after % (len(uri) + 1)))
    if check_uri(uri, policy) is None:
        assert check_open_uri((uri[:start], uri[stop:]), policy) is None


def test_a_file_with_an_unknown_part_is_held_against_the_folders_only_when_known() -> None:
    policy = FetchPolicy(file_roots=(Path("/srv/assets"),))
    assert check_open_uri(("file:///srv/", "/a.png"), policy) is None
    assert check_open_uri(("http://example.com/", "/a.png"), policy)
