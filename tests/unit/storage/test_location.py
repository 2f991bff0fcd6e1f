"""Where the store lies: URLs, options and environment are read as documented, faults are reported in one line."""

from pathlib import Path

import pytest

from render_service.storage.location import LocalFolder, S3Bucket, S3Options, locate

AWS_NAMES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
)


@pytest.fixture(autouse=True)
def _no_aws_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in AWS_NAMES:
        monkeypatch.delenv(name, raising=False)


def test_a_file_url_names_a_folder() -> None:
    assert locate("file:///srv/render%20files") == LocalFolder(Path("/srv/render files"))


def test_an_s3_url_names_bucket_and_prefix_and_the_environment_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8333")
    place = locate("s3://films/some/prefix/")
    assert isinstance(place, S3Bucket)
    assert (place.bucket, place.prefix) == ("films", "some/prefix")
    assert place.options == S3Options("http://127.0.0.1:8333", None, "eu-west-1", "id", "secret", None)


def test_a_session_token_of_the_environment_is_not_mixed_with_keys_given_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    place = locate("s3://films", S3Options(access_key_id="id", secret_access_key="secret"))
    assert isinstance(place, S3Bucket)
    assert place.options.session_token is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "folder",
        "file://",
        "file:///",
        "file://host/folder",
        "http://x/y",
        "s3://",
        "s3:///prefix",
        "s3://a:b@bucket",
        "file:///a?b",
        "s3://bucket/#x",
        "gs://bucket",
    ],
)
def test_wrong_urls_are_refused_with_a_line_for_people(url: str) -> None:
    with pytest.raises(ValueError, match=r"^storage URL .+$"):
        locate(url)


def test_half_a_key_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="both"):
        locate("s3://films", S3Options(access_key_id="id"))


@pytest.mark.parametrize(
    ("options", "url"),
    [
        (S3Options(region="eu-west-1"), "https://s3.eu-west-1.amazonaws.com/films"),
        (S3Options(region="cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn/films"),
        (S3Options(region="eu-west-1", path_style=False), "https://films.s3.eu-west-1.amazonaws.com"),
        (S3Options(endpoint="http://store:8333/", public_endpoint="https://cdn.example"), "https://cdn.example/films"),
    ],
)
def test_signed_urls_stand_on_the_public_address_of_the_bucket(options: S3Options, url: str) -> None:
    assert options.bucket_url("films", public=True) == url
