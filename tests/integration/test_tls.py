"""TLS to Taqnyat: whom it trusts, and that nothing is written to anyone else."""

import datetime as dt
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import BaseRequestHandler

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from taqnyat import Fault, Transport
from taqnyat.transport import Answer

from local.loopback import LoopbackServer

SECRET = b"bearerTokens=T1&msg=mail"
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nsent"
DAY = dt.timedelta(days=1)


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            self._builder(self._name, self._key, DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._signed(builder))

    def server_context(
        self, host: str = "127.0.0.1", *, ends: dt.timedelta = DAY
    ) -> ssl.SSLContext:
        """Make the context of a server with a certificate for this address or name."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        builder = self._builder(subject, key, ends).add_extension(
            x509.SubjectAlternativeName([name]), critical=False
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file = self._folder / "server.pem"
        file.write_bytes(private + self._signed(builder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, ends: dt.timedelta
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * DAY)
            .not_valid_after(now + ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)  # noqa: FBT003
            .add_extension(issuer, critical=False)
        )

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)


class Server(LoopbackServer):
    """A TLS server that keeps what it reads; `script` answers on the open connection."""

    def __init__(self, context: ssl.SSLContext, script: Callable[[ssl.SSLSocket], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.context = context
        self.script = script
        self.handshakes: list[bool] = []

    @property
    def base_url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"


class _Connection(BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        try:
            connection = self.server.context.wrap_socket(self.request, server_side=True)
        except OSError:
            self.server.handshakes.append(False)
            return
        self.server.handshakes.append(True)
        with connection:
            self.server.script(connection)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Give an authority that this machine trusts."""
    trusted = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return trusted


Start = Callable[..., tuple[Server, bytearray]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers; each comes with all that was written to it."""
    running: list[Server] = []

    def start(
        context: ssl.SSLContext, script: Callable[[ssl.SSLSocket], None] | None = None
    ) -> tuple[Server, bytearray]:
        received = bytearray()

        def answer(connection: ssl.SSLSocket) -> None:
            while data := connection.recv(1 << 16):
                received.extend(data)
                if received.endswith(SECRET):
                    connection.sendall(OK)

        server = Server(context, script or answer)
        server.start()
        running.append(server)
        return server, received

    yield start
    for server in running:
        server.stop()


def read_mail(connection: ssl.SSLSocket) -> None:
    data = b""
    while not data.endswith(SECRET):
        data += connection.recv(1 << 16)


def post(wire: Transport, seconds: float = 30, body: bytes = SECRET) -> Answer:
    began = time.monotonic()
    answer = wire.request("POST", "/mailSend.php", time.time() + seconds, body, keep=lambda _: True)
    assert time.monotonic() - began < seconds + 0.5
    return answer


def test_a_trusted_server_and_one_handshake_for_many_mails(
    authority: Authority, start: Start
) -> None:
    server, received = start(authority.server_context())
    wire = Transport(server.base_url, 5)
    for _ in range(3):
        answer = post(wire)
        assert (answer.status, answer.body, answer.fault) == (201, b"sent", None)
    assert server.handshakes == [True]
    assert received.count(SECRET) == 3


@pytest.mark.parametrize("trouble", ["unknown authority", "other address", "name", "expired"])
def test_nothing_is_written_to_a_server_that_is_not_taqnyat(
    trouble: str, authority: Authority, start: Start, tmp_path: Path
) -> None:
    context = {
        "unknown authority": lambda: Authority(tmp_path, "stranger").server_context(),
        "other address": lambda: authority.server_context("127.0.0.2"),
        "name": lambda: authority.server_context("api.taqnyat.sa"),
        "expired": lambda: authority.server_context(ends=-DAY),
    }[trouble]()
    server, received = start(context)
    answer = post(Transport(server.base_url, 5))
    assert (answer.status, answer.body, answer.fault) == (None, b"", Fault.UNREACHABLE)
    server.stop()
    assert True not in server.handshakes or not received
    assert received == b""


@pytest.mark.usefixtures("authority")
def test_a_server_without_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        wire = Transport(f"https://127.0.0.1:{listening.getsockname()[1]}", 0.3)
        assert post(wire, 5).fault is Fault.UNREACHABLE  # it says nothing
        listening.settimeout(5)
        received = listening.accept()[0]
        with received:
            assert SECRET not in received.recv(1 << 16)


def test_a_slow_reader_ends_at_the_deadline(authority: Authority, start: Start) -> None:
    def script(connection: ssl.SSLSocket) -> None:
        while not server.stopping.wait(0.05) and connection.recv(16 << 10):
            pass

    server, _ = start(authority.server_context(), script)
    answer = post(Transport(server.base_url, 5), 0.5, b"x" * (32 << 20))
    assert (answer.status, answer.fault) == (None, Fault.TIMEOUT)


@pytest.mark.parametrize("drip", [b"", b"x"])
def test_a_slow_answer_ends_at_the_deadline(
    authority: Authority, start: Start, drip: bytes
) -> None:
    def script(connection: ssl.SSLSocket) -> None:
        read_mail(connection)
        connection.sendall(b"HTTP/1.1 201 Created\r\n\r\n")
        while not server.stopping.wait(0.05):
            connection.sendall(drip)

    server, _ = start(authority.server_context(), script)
    answer = post(Transport(server.base_url, 5), 0.5)
    assert (answer.status, answer.fault) == (201, Fault.TIMEOUT)


@pytest.mark.parametrize("orderly", [False, True])
def test_a_cut_answer(authority: Authority, start: Start, *, orderly: bool) -> None:
    def script(connection: ssl.SSLSocket) -> None:
        read_mail(connection)
        connection.sendall(OK[:-1])
        if orderly:
            connection.unwrap()

    server, _ = start(authority.server_context(), script)
    answer = post(Transport(server.base_url, 5))
    assert (answer.status, answer.body, answer.fault) == (201, b"sen", Fault.CUT)
