"""A real name server on this machine, UDP and TCP, well behaved or not."""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = dict[str, Any]
"""``"example.it TXT"`` → a list of records as a zone file writes them, or a bad habit:
``"servfail"``, ``"refused"``, ``"timeout"``, ``"garbage"``, ``"empty"`` (no bytes at all)."""


def txt(*texts: str) -> list[str]:
    """TXT records, long ones in parts of 255 as zones hold them."""
    return [
        " ".join(
            '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
            for part in (text[start : start + 250] for start in range(0, len(text), 250))
        )
        for text in texts
    ]


class _Server:
    def __init__(self, zone: Zone) -> None:
        self.zone = {key.lower(): value for key, value in zone.items()}
        self.asked: list[str] = []

    def answer(self, wire: bytes, tcp: bool) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        found = self.zone.get(f"{name} {kind.lower()}", self.zone.get(f"{name} *"))
        response = dns.message.make_response(query)
        if found == "timeout":
            return None
        if found == "garbage":
            return wire[:2] + b"\x84\x00\xff\xff\xc0\x0c\xc0\x0c" * 4
        if found == "empty":
            return b""
        if found in ("servfail", "refused"):
            response.set_rcode(dns.rcode.from_text(found))
            return response.to_wire()
        if found is None:
            names = {key.split(" ")[0] for key in self.zone}
            if name not in names:
                response.set_rcode(dns.rcode.NXDOMAIN)
            return response.to_wire()
        if isinstance(found, dict):  # a CNAME, maybe in a circle
            target = found["cname"]
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "CNAME", target))
            return response.to_wire()
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        full = response.to_wire(max_size=65535)
        if not tcp and len(full) > 1232:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            return short.to_wire()
        return full


@contextmanager
def name_server(zone: Zone) -> Iterator[tuple[int, list[str]]]:
    """Gives the port on 127.0.0.1, and the list of what was asked so far."""
    server = _Server(zone)

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            answer = server.answer(wire, tcp=False)
            if answer is not None:
                sock.sendto(answer, self.client_address)

    class Tcp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.request.recv(2))
            answer = server.answer(self.request.recv(length), tcp=True)
            if answer is None:
                time.sleep(0.5)
            else:
                self.request.sendall(struct.pack("!H", len(answer)) + answer)

    udp, tcp = _both(Udp, Tcp)
    port = udp.server_address[1]
    threads = [
        threading.Thread(target=each.serve_forever, args=(0.02,), daemon=True)
        for each in (udp, tcp)
    ]
    for thread in threads:
        thread.start()
    try:
        yield port, server.asked
    finally:
        for each in (udp, tcp):
            each.shutdown()
            each.server_close()
        for thread in threads:
            thread.join()


def _both(udp_handler: Any, tcp_handler: Any) -> tuple[Any, Any]:
    """Servers for both protocols on one port; the next one, if another program has half of it."""
    while True:
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), udp_handler)
        try:
            return udp, socketserver.ThreadingTCPServer(udp.server_address, tcp_handler)
        except OSError:
            udp.server_close()


def closed_port() -> int:
    """A port on which nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
