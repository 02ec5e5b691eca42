"""Reads torrents from stdin, each after its length in 4 bytes, and writes "1" for each that libtorrent takes, else "0".

The limits are libtorrent's own, which bt::bencode::Limits::default() repeats.
"""

import sys

import libtorrent


def takes(torrent):
    try:
        libtorrent.load_torrent_buffer(torrent)
    except RuntimeError:
        return False
    return True


def main():
    while length := sys.stdin.buffer.read(4):
        torrent = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        sys.stdout.buffer.write(b"1" if takes(torrent) else b"0")


main()
