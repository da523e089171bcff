"""Peers that take their time on purpose are dropped at every stage of a connection."""

import time

from harness import processes


def test_every_slow_peer_is_dropped_in_time(slow_peers, record_property):
    """`slow_peers` were opened when the run began."""
    assert slow_peers is not None, "the servers did not start"
    for peer in slow_peers.peers:
        left = max(1.0, peer.opened_at + peer.limit_seconds - time.monotonic())
        processes.poll(lambda: peer.ended_after is not None, left, f"{peer.name} is dropped")
    figures = {peer.name: round(peer.ended_after, 1) for peer in slow_peers.peers}
    print(figures)
    record_property("figures", str(figures))
    for peer in slow_peers.peers:
        assert peer.ended_after <= peer.limit_seconds, figures
