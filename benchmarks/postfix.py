"""A postfix of the run's own: real STARTTLS on a high port, handed on to a sink.

Each mail goes through ``smtpd_proxy_filter`` to the sink and is answered by it. So postfix keeps
no queue, the disk of the server is no bound, and the sink counts what arrived.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks import servers

HOST = "localhost"
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/data/log
maillog_file_prefixes = {folder}
myhostname = localhost
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_proxy_filter = 127.0.0.1:{sink}
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {folder}/conf/server.pem
smtpd_tls_key_file = {folder}/conf/server.pem
"""
MASTER = """\
postlog unix-dgram n - n - 1 postlogd
127.0.0.1:{port} inet n - n - 100 smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
"""


@dataclass(frozen=True)
class Postfix:
    """Where it listens, and the authority whose certificate it shows."""

    port: int
    authority: str


@contextmanager
def postfix(folder: Path, sink: int) -> Iterator[Postfix]:
    """A running postfix that asks for STARTTLS and hands every mail to the port ``sink``."""
    program, port = servers.program("postfix"), servers.free_port()
    conf = folder / "conf"
    for path in (conf, folder / "queue", folder / "data"):
        path.mkdir(parents=True)
    for path in (folder, *folder.parents[:1]):
        path.chmod(0o755)
    subprocess.run(["chown", "postfix", str(folder / "data")], check=True)
    (conf / "main.cf").write_text(MAIN.format(folder=folder, sink=sink))
    (conf / "master.cf").write_text(MASTER.format(port=port))
    _certificates(conf)
    _run(program, conf, "start")
    try:
        servers.wait_for(port)
        yield Postfix(port, str(conf / "authority.pem"))
    finally:
        _run(program, conf, "stop")


def _run(program: str, conf: Path, order: str) -> None:
    done = subprocess.run(
        [program, "-c", str(conf), order],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
    if done.returncode:
        log = conf.parent / "data" / "log"
        sys.exit(f"postfix {order} fails: {log.read_text() if log.exists() else 'no log'}")


def _certificates(conf: Path) -> None:
    """An authority of this run alone, and the server's certificate and key."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("Benchmark", HOST)
    )
    root_identifier = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = (
        _unsigned(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(root_identifier, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_identifier)
    certificate = (
        _unsigned(name, root_name, key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (conf / "authority.pem").write_bytes(root.public_bytes(pem))
    (conf / "server.pem").touch(0o600)
    (conf / "server.pem").write_bytes(private + certificate.public_bytes(pem))


def _unsigned(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
    )
