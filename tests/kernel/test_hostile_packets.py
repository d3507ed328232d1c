"""Frames that a pod makes itself reach nobody whom its policy does not let it reach."""

from __future__ import annotations

import random
import socket
import struct
import subprocess
import time
from collections.abc import Iterator

import pytest

from bpf.veth import in_netns
from tests.kernel.conftest import Node, Pod, egress, ingress, link_address
from tests.kernel.frames import (
    ARP,
    IPV4,
    IPV6,
    MARKER,
    Ends,
    icmp,
    ipv4,
    ipv6,
    tcp,
    udp,
)

ALL = 0x0003
"""ETH_P_ALL, to see every frame."""
ALLOWED, DENIED = 53, 80
SEED, MUTATIONS = 20261127, 4000
OTHER, OTHER6 = "192.0.2.9", "2001:db8::9"


class Wire:
    """A pod's device, to send frames by and to see what arrives."""

    def __init__(self, pod: Pod) -> None:
        def opened() -> socket.socket:
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
            made.bind(("eth0", 0))
            made.settimeout(0.3)
            return made

        self.socket = in_netns(f"/run/netns/{pod.netns}", opened)
        self.mac = self.socket.getsockname()[4]

    def arrived(self) -> list[bytes]:
        """Return the marked frames that came in by now."""
        found = []
        while True:
            try:
                frame, where = self.socket.recvfrom(65536)
            except TimeoutError:
                return found
            if where[2] != socket.PACKET_OUTGOING and MARKER in frame:
                found.append(frame)


class Stage:
    """An attacker that may reach one port of a victim, and both ends of the wire."""

    def __init__(self, node: Node) -> None:
        self.attacker, self.victim = node.add_pod(), node.add_pod()
        node.allow(self.victim)
        node.allow(self.attacker, egress(self.victim, ALLOWED, 17), egress=True)
        self.out, self.into = Wire(self.attacker), Wire(self.victim)
        self.gateway = bytes.fromhex(link_address(self.attacker.ifname).replace(":", ""))

    def ends(self, family: int, **other: str) -> Ends:
        """Return the ends of a frame from attacker to victim, or as said otherwise."""
        return Ends(
            other.get("source", self.attacker.addresses[family]),
            other.get("destination", self.victim.addresses[family]),
            self.out.mac,
            self.gateway,
        )

    def send(self, *frames: bytes) -> None:
        """Send frames as they are."""
        for frame in frames:
            try:
                self.out.socket.send(frame)
            except OSError:
                continue  # too short or too long for any device
        time.sleep(0.05)


@pytest.fixture
def stage(node: Node) -> Iterator[Stage]:
    made = Stage(node)
    yield made
    made.out.socket.close()
    made.into.socket.close()


def hostile(stage: Stage) -> dict[str, bytes]:
    """Return frames, by what is wrong in them, that must not reach the victim."""
    four, six = stage.ends(0), stage.ends(1)
    denied = udp(DENIED)
    found = {
        "tcp": four.frame(IPV4, ipv4(four, 6, tcp(DENIED))),
        "tcp to the port of udp": four.frame(IPV4, ipv4(four, 6, tcp(ALLOWED))),
        "answer of nothing": four.frame(IPV4, ipv4(four, 6, tcp(DENIED, flags=0x12))),
        "no flags": four.frame(IPV4, ipv4(four, 6, tcp(DENIED, flags=0))),
        "all flags": four.frame(IPV4, ipv4(four, 6, tcp(DENIED, flags=0xFF))),
        "udp": four.frame(IPV4, ipv4(four, 17, denied)),
        "port 0": four.frame(IPV4, ipv4(four, 17, udp(0))),
        "gre": four.frame(IPV4, ipv4(four, 47, MARKER * 3)),
        "esp": four.frame(IPV4, ipv4(four, 50, MARKER * 3)),
        "protocol 255": four.frame(IPV4, ipv4(four, 255, MARKER * 3)),
        "ipv6 in ipv4": four.frame(IPV4, ipv4(four, 41, ipv6(six, 17, denied))),
        "echo": four.frame(IPV4, ipv4(four, 1, icmp(8))),
        "later piece first": four.frame(IPV4, ipv4(four, 17, MARKER * 3, place=100)),
        "tiny first piece": four.frame(IPV4, ipv4(four, 17, denied, place=0x2000)),
        "header of four words": four.frame(IPV4, ipv4(four, 17, denied, words=4)),
        "header beyond the end": four.frame(IPV4, ipv4(four, 17, denied, words=15)),
        "ttl 0": four.frame(IPV4, ipv4(four, 17, denied, ttl=0)),
        "ipv6 called ipv4": six.frame(IPV4, ipv6(six, 17, denied)),
        "ipv4 called ipv6": four.frame(IPV6, ipv4(four, 17, denied)),
        "tag": four.frame(IPV4, ipv4(four, 17, denied), 0),
        "tag behind a tag": four.frame(IPV4, ipv4(four, 17, denied), 0, 0),
        "tag behind a tag, ipv6": six.frame(IPV6, ipv6(six, 17, denied), 0, 0),
        "unknown type": four.frame(0x88B5, ipv4(four, 17, denied)),
        "udp, ipv6": six.frame(IPV6, ipv6(six, 17, denied)),
        "echo, ipv6": six.frame(IPV6, ipv6(six, 58, icmp(128))),
        "solicitation from afar": six.frame(IPV6, ipv6(six, 58, icmp(135), hops=64)),
        "solicitation of a pod": six.frame(IPV6, ipv6(six, 58, icmp(135), hops=255)),
        "redirect of a pod": six.frame(IPV6, ipv6(six, 58, icmp(137), hops=255)),
        "no next header": six.frame(IPV6, ipv6(six, 59, MARKER * 3)),
    }
    options = b"\x11\x00\x01\x04\0\0\0\0"
    found["options before udp"] = six.frame(IPV6, ipv6(six, 60, options + denied))
    chain = (b"\x3c" + options[1:]) * 7 + options
    found["endless options"] = six.frame(IPV6, ipv6(six, 60, chain + denied))
    piece = b"\x11\x00\x00\x01" + struct.pack("!I", 9)
    found["first piece, ipv6"] = six.frame(IPV6, ipv6(six, 44, piece + denied))
    for name, source in (
        ("host", "169.254.1.1"),
        ("victim", stage.victim.address),
        ("world", OTHER),
    ):
        forged = stage.ends(0, source=source)
        port = udp(ALLOWED)
        found[f"forged, {name}"] = forged.frame(IPV4, ipv4(forged, 17, port))
    for name, source in (
        ("none", "::"),
        ("mapped", f"::ffff:{stage.attacker.address}"),
        ("world", OTHER6),
    ):
        forged = stage.ends(1, source=source)
        found[f"forged, ipv6 {name}"] = forged.frame(IPV6, ipv6(forged, 17, udp(ALLOWED)))
    return found  # fmt: skip


def test_what_is_allowed_arrives(stage: Stage) -> None:
    four, six = stage.ends(0), stage.ends(1)
    stage.send(
        four.frame(IPV4, ipv4(four, 17, udp(ALLOWED))), six.frame(IPV6, ipv6(six, 17, udp(ALLOWED)))
    )
    assert len(stage.into.arrived()) == 2


def test_hostile_frames_reach_nobody(stage: Stage) -> None:
    frames = hostile(stage)
    stage.send(*frames.values())
    arrived = [frame[14:] for frame in stage.into.arrived()]
    through = [
        name for name, frame in frames.items() if any(frame[-24:] in seen for seen in arrived)
    ]
    assert (through, len(arrived)) == ([], 0)


def test_an_error_is_believed_of_those_it_is_about_only(node: Node, stage: Stage) -> None:
    """Quoting a connection of its own lets a pod tell errors to its peer, not to others."""
    other = node.add_pod()
    node.allow(other, ingress(stage.attacker, ALLOWED, 17), ingress=True)
    node.allow(
        stage.attacker, egress(other, ALLOWED, 17), egress(stage.victim, ALLOWED, 17), egress=True
    )
    asked = stage.ends(0, destination=other.address)
    stage.send(asked.frame(IPV4, ipv4(asked, 17, udp(ALLOWED))))
    back = Ends(other.address, stage.attacker.address, b"", b"")
    quoted = ipv4(back, 17, udp(4000, source=ALLOWED))
    told = stage.ends(0)
    stage.send(told.frame(IPV4, ipv4(told, 1, icmp(3, quoted, code=3))))
    assert stage.into.arrived() == []
    wire = Wire(other)
    try:
        right = stage.ends(0, destination=other.address)
        stage.send(right.frame(IPV4, ipv4(right, 1, icmp(3, quoted, code=3))))
        assert len(wire.arrived()) == 1
    finally:
        wire.socket.close()


def test_mutated_frames_reach_nobody(node: Node, stage: Stage) -> None:
    """Bits of hostile and of allowed frames are changed at random; the policy allows nothing."""
    node.allow(stage.attacker, egress=True)
    four, six = stage.ends(0), stage.ends(1)
    base = [
        *hostile(stage).values(),
        four.frame(IPV4, ipv4(four, 17, udp(ALLOWED))),
        six.frame(IPV6, ipv6(six, 17, udp(ALLOWED))),
        four.frame(ARP, bytes(28) + MARKER),
    ]
    before = _warnings()
    chance = random.Random(SEED)
    frames = [_mutated(chance, chance.choice(base)) for _ in range(MUTATIONS)]
    for start in range(0, len(frames), 200):
        stage.send(*frames[start : start + 200])
        through = [frame for frame in stage.into.arrived() if frame[12:14] != b"\x08\x06"]
        assert [frame.hex() for frame in through] == []
    assert _warnings() == before


def _mutated(chance: random.Random, frame: bytes) -> bytes:
    """Change up to four places behind the addresses of the link; cut some frames short."""
    bytes_ = bytearray(frame)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(12, len(bytes_) - len(MARKER))
        bytes_[at] = chance.choice((0, 0xFF, bytes_[at] ^ 1 << chance.randrange(8)))
    if chance.random() < 0.1:
        del bytes_[chance.randrange(14, len(bytes_) - len(MARKER)) : -len(MARKER)]
    return bytes(bytes_)


def _warnings() -> int:
    """Return how often the kernel has warned since it was started."""
    text = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    return text.count("WARNING:") + text.count("BUG:")
