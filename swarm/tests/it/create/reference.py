"""Info hashes as torf, mktorrent and libtorrent make them: a JSON list of trees on stdin, a list of hashes on stdout.

A tree is {"path", "piece_length", "files": [[path below the tree, size], …]}, the files sorted by parts of the path.
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings

import libtorrent
import torf

# The only interface to file lists of libtorrent 2.0 and 2.1 alike calls itself old.
warnings.simplefilter("ignore", DeprecationWarning)


def by_torf(tree):
    """Sorts by parts of the path, as we do. Leaves out hidden files."""
    torrent = torf.Torrent(path=tree["path"], private=True)
    torrent.piece_size = tree["piece_length"]
    torrent.generate()
    return torrent.infohash


def by_mktorrent(tree):
    """Sorts whole paths: "a.txt" before "a/b"."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "torrent")
        subprocess.run(["mktorrent", "-p", "-d", "-a", "http://localhost/announce", "-o", output,
                        "-l", str(tree["piece_length"].bit_length() - 1), tree["path"]],
                       check=True, stdout=subprocess.DEVNULL)
        with open(output, "rb") as torrent:
            return info_hashes(libtorrent.bdecode(torrent.read()))[0]


def by_libtorrent(tree, flags):
    """Version 1 in the order given. Hybrids sorted by whole paths, padded behind the last file unless told not to."""
    root, parent = os.path.basename(tree["path"]), os.path.dirname(tree["path"])
    files = [libtorrent.create_file_entry("/".join(filter(None, [root, path])), size) for path, size in tree["files"]]
    torrent = libtorrent.create_torrent(files, tree["piece_length"], flags)
    torrent.set_priv(True)
    libtorrent.set_piece_hashes(torrent, parent)
    return info_hashes(torrent.generate())


def info_hashes(torrent):
    info = libtorrent.bencode(torrent[b"info"])
    return hashlib.sha1(info).hexdigest(), hashlib.sha256(info).hexdigest()


def main():
    flags = libtorrent.create_torrent
    hashes = [{
        "torf": by_torf(tree),
        "mktorrent": by_mktorrent(tree),
        "v1": by_libtorrent(tree, flags.v1_only)[0],
        "hybrid": by_libtorrent(tree, flags.canonical_files_no_tail_padding),
        "v2": by_libtorrent(tree, flags.v2_only)[1],
    } for tree in json.load(sys.stdin)]
    json.dump(hashes, sys.stdout)


if __name__ == "__main__":
    main()
