"""The fetcher against real servers on loopback that are slow, endless, lying or hostile."""

import gzip
import http.server
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.adapters.guarded_fetch import GuardedMediaFetcher
from core.domain.media import MediaStatus
from core.errors import MediaProblemError, RetryableError, ThrottledError
from tests.fakes.media_server import MediaServer, answering, media_server

MAX_BYTES = 1_000_000
METADATA_URL = "http://169.254.169.254/latest/meta-data/"
Handler = http.server.BaseHTTPRequestHandler
Fetcher = Callable[..., GuardedMediaFetcher]


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with media_server() as running:
        yield running


@pytest.fixture
def fetcher(server: MediaServer) -> Fetcher:
    def build(**changes: object) -> GuardedMediaFetcher:
        settings: dict[str, object] = {
            "max_bytes": MAX_BYTES,
            "connect_timeout_seconds": 2.0,
            "read_timeout_seconds": 2.0,
            "total_timeout_seconds": 10.0,
            "allow_hosts": frozenset({server.host}),
        }
        return GuardedMediaFetcher(**{**settings, **changes})  # type: ignore[arg-type]

    return build


def problem_of(fetcher: GuardedMediaFetcher, url: str) -> MediaStatus:
    with pytest.raises(MediaProblemError) as caught:
        fetcher.open(url)
    return caught.value.status


def test_a_medium_arrives_with_its_declared_type_and_address(server: MediaServer, fetcher: Fetcher) -> None:
    server.routes["/a.jpg"] = answering(200, b"picture", Content_Type="image/JPEG; charset=x")

    media = fetcher().open(server.url("/a.jpg?oe=ffffffff"))

    with media.stream:
        assert media.stream.read() == b"picture"
    assert (media.content_type, media.final_url) == ("image/jpeg", server.url("/a.jpg?oe=ffffffff"))
    assert server.hosts == [server.host]


def test_redirects_are_followed_to_the_final_address(server: MediaServer, fetcher: Fetcher) -> None:
    server.routes["/1"] = answering(302, Location="/2?x=1")
    server.routes["/2"] = answering(307, Location=server.url("/3"))
    server.routes["/3"] = answering(200, b"here")

    media = fetcher().open(server.url("/1"))

    with media.stream:
        assert (media.stream.read(), media.final_url) == (b"here", server.url("/3"))


def test_three_redirects_are_followed_and_four_are_not(server: MediaServer, fetcher: Fetcher) -> None:
    for step in range(4):
        server.routes[f"/{step}"] = answering(302, Location=f"/{step + 1}")
    server.routes["/4"] = answering(200, b"end")

    fetcher().open(server.url("/1")).stream.close()
    assert problem_of(fetcher(), server.url("/0")) is MediaStatus.FETCH_ERROR


def test_a_redirect_loop_ends(server: MediaServer, fetcher: Fetcher) -> None:
    server.routes["/loop"] = answering(301, Location="/loop")

    assert problem_of(fetcher(), server.url("/loop")) is MediaStatus.FETCH_ERROR
    assert len(server.hosts) == 4


@pytest.mark.parametrize(
    "location",
    [METADATA_URL, "http://127.0.0.1/", "http://[::1]/", "//10.0.0.1/x", "file:///etc/passwd", "gopher://x/"],
)
def test_a_redirect_inside_is_blocked(server: MediaServer, fetcher: Fetcher, location: str) -> None:
    server.routes["/away"] = answering(302, Location=location)

    assert problem_of(fetcher(), server.url("/away")) is MediaStatus.BLOCKED


@pytest.mark.parametrize("location", ["http://[bad", "http://a b/"])
def test_a_redirect_that_can_not_be_read_is_a_problem_of_the_medium(
    server: MediaServer, fetcher: Fetcher, location: str
) -> None:
    server.routes["/away"] = answering(302, Location=location)

    assert problem_of(fetcher(), server.url("/away")) in (MediaStatus.FETCH_ERROR, MediaStatus.BLOCKED)


def test_an_inner_server_is_never_contacted_unless_allowed(server: MediaServer, fetcher: Fetcher) -> None:
    assert problem_of(fetcher(allow_hosts=frozenset()), server.url("/")) is MediaStatus.BLOCKED
    assert server.connections == 0


def test_a_second_answer_of_the_name_server_is_never_used(server: MediaServer, fetcher: Fetcher) -> None:
    host = f"rebind.example:{server.port}"
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])  # nobody listens on the first

    with pytest.raises(RetryableError):
        fetcher(allow_hosts=frozenset({host}), resolver=lambda *_: next(answers)).open(f"http://{host}/")

    assert server.connections == 0
    assert list(answers) == [["127.0.0.1"]]


def test_a_name_that_turns_inside_between_two_redirects_is_blocked(server: MediaServer, fetcher: Fetcher) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.1"]])
    allowed = frozenset({f"rebind.example:{server.port}"})
    server.routes["/"] = answering(302, Location="http://rebind.example/secret")

    status = problem_of(
        fetcher(allow_hosts=allowed, resolver=lambda *_: next(answers)), f"http://rebind.example:{server.port}/"
    )

    assert status is MediaStatus.BLOCKED
    assert server.connections == 1


def test_the_connection_goes_to_the_checked_address_under_the_right_name(server: MediaServer, fetcher: Fetcher) -> None:
    server.routes["/"] = answering(200, b"x")
    host = f"cdn.example:{server.port}"
    asked: list[str] = []

    def resolver(name: str, _port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    fetcher(allow_hosts=frozenset({host}), resolver=resolver).open(f"http://{host}/").stream.close()

    assert server.hosts == [host]
    assert asked == ["cdn.example"]


def test_the_next_address_is_tried_when_one_refuses(server: MediaServer, fetcher: Fetcher) -> None:
    server.routes["/"] = answering(200, b"x")
    host = f"cdn.example:{server.port}"
    two = fetcher(allow_hosts=frozenset({host}), resolver=lambda *_: ["127.0.0.2", "127.0.0.1"])

    two.open(f"http://{host}/").stream.close()

    assert server.connections == 1


def test_proxies_of_the_environment_are_ignored(
    server: MediaServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.routes["/"] = answering(200, b"direct")
    with media_server() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        fetcher().open(server.url("/")).stream.close()

        assert (server.connections, proxy.connections) == (1, 0)


@pytest.mark.parametrize(
    ("answered", "status"),
    [
        (404, MediaStatus.REMOVED),
        (410, MediaStatus.REMOVED),
        (401, MediaStatus.BLOCKED),
        (403, MediaStatus.BLOCKED),
        (451, MediaStatus.BLOCKED),
        (400, MediaStatus.FETCH_ERROR),
        (418, MediaStatus.FETCH_ERROR),
        (204, MediaStatus.FETCH_ERROR),  # no picture in it
        (304, MediaStatus.FETCH_ERROR),
    ],
)
def test_an_answer_without_media_is_a_status_with_a_reason(
    server: MediaServer, fetcher: Fetcher, answered: int, status: MediaStatus
) -> None:
    server.routes["/x"] = answering(answered)

    assert problem_of(fetcher(), server.url("/x?token=hidden")) is status


@pytest.mark.parametrize(
    ("expiry", "status"),
    [
        ("65000000", MediaStatus.EXPIRED_URL),  # September 2023
        ("ffffffff", MediaStatus.BLOCKED),  # 2106: not expired, so refused for another reason
        ("xyz", MediaStatus.BLOCKED),
        ("", MediaStatus.BLOCKED),
    ],
)
def test_a_refused_signed_address_past_its_expiry_has_expired(
    server: MediaServer, fetcher: Fetcher, expiry: str, status: MediaStatus
) -> None:
    server.routes["/x"] = answering(403)

    assert problem_of(fetcher(), server.url(f"/x?oh=1&oe={expiry}")) is status


@pytest.mark.parametrize("answered", [500, 502, 503, 504])
def test_a_failing_server_is_tried_again(server: MediaServer, fetcher: Fetcher, answered: int) -> None:
    server.routes["/x"] = answering(answered)

    with pytest.raises(RetryableError, match=str(answered)):
        fetcher().open(server.url("/x"))


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7),
        ("999999999", 3600),  # nobody may send us to sleep for years
        ("-5", 60),
        ("soon", 60),
        ("", 60),
    ],
)
def test_a_throttling_server_says_when_to_come_again(
    server: MediaServer, fetcher: Fetcher, retry_after: str, seconds: float
) -> None:
    server.routes["/x"] = answering(429, Retry_After=retry_after)

    with pytest.raises(ThrottledError) as caught:
        fetcher().open(server.url("/x"))

    assert caught.value.retry_after_seconds == seconds


def test_a_throttling_server_may_say_it_with_a_date(server: MediaServer, fetcher: Fetcher) -> None:
    in_a_while = datetime.now(UTC) + timedelta(seconds=1000)
    server.routes["/x"] = answering(429, Retry_After=format_datetime(in_a_while, usegmt=True))

    with pytest.raises(ThrottledError) as caught:
        fetcher().open(server.url("/x"))

    assert 900 <= caught.value.retry_after_seconds <= 1000


def test_a_body_of_exactly_the_limit_is_kept_and_one_byte_more_is_too_large(
    server: MediaServer, fetcher: Fetcher
) -> None:
    server.routes["/fits"] = answering(200, b"x" * MAX_BYTES)
    server.routes["/more"] = answering(200, b"x" * (MAX_BYTES + 1))

    fetcher().open(server.url("/fits")).stream.close()
    assert problem_of(fetcher(), server.url("/more")) is MediaStatus.TOO_LARGE


def test_an_announced_size_above_the_limit_is_refused_before_it_is_read(server: MediaServer, fetcher: Fetcher) -> None:
    server.routes["/x"] = answering(200, b"short", Content_Length=str(10**12))

    assert problem_of(fetcher(), server.url("/x")) is MediaStatus.TOO_LARGE


def test_a_gzip_bomb_is_counted_by_what_it_unpacks_to(server: MediaServer, fetcher: Fetcher) -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=9)
    assert len(bomb) < MAX_BYTES
    server.routes["/x"] = answering(200, bomb, Content_Encoding="gzip")
    server.routes["/twice"] = answering(200, gzip.compress(bomb), Content_Encoding="gzip, gzip")

    assert problem_of(fetcher(), server.url("/x")) is MediaStatus.TOO_LARGE
    assert problem_of(fetcher(), server.url("/twice")) is MediaStatus.TOO_LARGE


def test_a_compressed_medium_arrives_unpacked(server: MediaServer, fetcher: Fetcher) -> None:
    server.routes["/x"] = answering(200, gzip.compress(b"picture"), Content_Encoding="gzip")

    with fetcher().open(server.url("/x")).stream as stream:
        assert stream.read() == b"picture"


def endless(chunked: bool, server: MediaServer) -> Callable[[Handler], None]:
    def answer(request: Handler) -> None:
        request.protocol_version = "HTTP/1.1"
        request.send_response(200)
        if chunked:
            request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        piece = b"x" * 10_000
        while not server.stopping.is_set():
            request.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)

    return answer


@pytest.mark.parametrize("chunked", [False, True])
def test_an_endless_body_ends_at_the_limit(server: MediaServer, fetcher: Fetcher, chunked: bool) -> None:
    server.routes["/x"] = endless(chunked, server)

    assert problem_of(fetcher(), server.url("/x")) is MediaStatus.TOO_LARGE


def dripping(before: bytes, server: MediaServer) -> Callable[[Handler], None]:
    """One byte every 50 ms: no single read ever takes long."""

    def answer(request: Handler) -> None:
        request.wfile.write(before)
        while not server.stopping.wait(0.05):
            request.wfile.write(b"1")

    return answer


@pytest.mark.parametrize(
    "before",
    [
        b"",  # the status line
        b"HTTP/1.1 200 OK\r\nX: ",  # a header
        b"HTTP/1.1 200 OK\r\n\r\n",  # a body until the end of the connection
        b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",  # the size of a chunk
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
    ],
)
def test_a_slow_drip_ends_at_the_total_deadline(server: MediaServer, fetcher: Fetcher, before: bytes) -> None:
    server.routes["/x"] = dripping(before, server)
    began = time.monotonic()

    with pytest.raises(RetryableError, match="took longer than"):
        fetcher(total_timeout_seconds=0.5).open(server.url("/x"))

    assert time.monotonic() - began < 2.0


def test_the_deadline_covers_all_redirects_together(server: MediaServer, fetcher: Fetcher) -> None:
    def slowly(request: Handler) -> None:
        server.stopping.wait(0.3)
        answering(302, Location="/x")(request)

    server.routes["/x"] = slowly
    began = time.monotonic()

    with pytest.raises(RetryableError):
        fetcher(total_timeout_seconds=0.5, max_redirects=100).open(server.url("/x"))

    assert time.monotonic() - began < 2.0


def test_a_silent_server_ends_at_the_read_timeout(server: MediaServer, fetcher: Fetcher) -> None:
    server.routes["/x"] = lambda _: server.stopping.wait() and None
    began = time.monotonic()

    with pytest.raises(RetryableError):
        fetcher(read_timeout_seconds=0.2).open(server.url("/x"))

    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 999999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"",
    ],
)
def test_a_broken_answer_is_tried_again_and_never_taken_for_a_whole_one(
    server: MediaServer, fetcher: Fetcher, answer: bytes
) -> None:
    server.routes["/x"] = lambda request: request.wfile.write(answer) and None

    with pytest.raises(RetryableError):
        fetcher().open(server.url("/x"))


def test_a_refused_connection_is_tried_again(fetcher: Fetcher) -> None:
    with media_server() as gone:
        address = gone.host

    with pytest.raises(RetryableError):
        fetcher(allow_hosts=frozenset({address})).open(f"http://{address}/")


def test_no_error_tells_the_query_of_an_address(server: MediaServer, fetcher: Fetcher) -> None:
    for path, answered in {"/a": 404, "/b": 500, "/c": 403, "/d": 429}.items():
        server.routes[path] = answering(answered)
        with pytest.raises((MediaProblemError, RetryableError)) as caught:
            fetcher().open(server.url(f"{path}?oe=65000000&token=canary"))
        assert "canary" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for cdn.example, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cdn.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("cdn.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "cdn.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[MediaServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with media_server(context) as running:
        running.routes["/"] = answering(200, b"secure")
        yield running


def tls_fetch(fetcher: Fetcher, server: MediaServer, name: str, trusted: Path | None) -> bytes:
    host = f"{name}:{server.port}"
    context = ssl.create_default_context(cafile=trusted) if trusted else None
    media = fetcher(allow_hosts=frozenset({host}), resolver=lambda *_: ["127.0.0.1"], ssl_context=context).open(
        f"https://{host}/"
    )
    with media.stream:
        return media.stream.read()


def test_tls_is_verified_for_the_name_while_connecting_to_the_address(
    tls_server: MediaServer, fetcher: Fetcher, certificate: Path
) -> None:
    assert tls_fetch(fetcher, tls_server, "cdn.example", certificate) == b"secure"
    assert tls_server.hosts == [f"cdn.example:{tls_server.port}"]


@pytest.mark.parametrize(("name", "trust"), [("other.example", True), ("127.0.0.1", True), ("cdn.example", False)])
def test_a_certificate_for_another_name_or_from_nobody_is_refused(
    tls_server: MediaServer, fetcher: Fetcher, certificate: Path, name: str, trust: bool
) -> None:
    with pytest.raises(MediaProblemError, match="certificate") as caught:
        tls_fetch(fetcher, tls_server, name, certificate if trust else None)

    assert caught.value.status is MediaStatus.FETCH_ERROR
    assert tls_server.hosts == []


def test_a_handshake_that_never_ends_is_cut_at_the_deadline(server: MediaServer, fetcher: Fetcher) -> None:
    began = time.monotonic()

    with pytest.raises(RetryableError):
        fetcher(total_timeout_seconds=0.5, connect_timeout_seconds=5.0).open(f"https://{server.host}/")

    assert time.monotonic() - began < 2.0
