"""A BitTorrent client around libtorrent 2: `libtorrent.py NAME FOLDER LISTEN OUTGOING LIMIT`.

It listens on the abstract unix socket NAME, takes one connection, and ends with it. There it is told what to do by one
JSON object a line, and answers each with one line: {"id": 1, "do": "shares"} with {"id": 1, "value": [...]} or
{"id": 1, "error": "why"}.

FOLDER/torrents holds what it knows again after its end: HASH.torrent, HASH.json (where the content is) and HASH.resume.
"""

import json
import pathlib
import select
import signal
import socket
import sys
import time

import libtorrent as lt

CHECKING = {
    lt.torrent_status.states.checking_files,
    lt.torrent_status.states.checking_resume_data,
    lt.torrent_status.states.queued_for_checking,
}


def settings(listen, outgoing):
    return {
        "listen_interfaces": listen,
        "outgoing_interfaces": outgoing,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        # Would be asked for the outside address, for WebTorrent.
        "webtorrent_stun_server": "",
        "dht_bootstrap_nodes": "",
        # uTP yields to delays, which here are those of the one processor that all clients share.
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        # libtorrent raises what the tracker asks for to 300 s otherwise.
        "min_announce_interval": 5,
        "stop_tracker_timeout": 2,
        # Dozens of clients share the machine.
        "aio_threads": 2,
        "alert_mask": lt.alert.category_t.error_notification
        | lt.alert.category_t.storage_notification
        | lt.alert.category_t.tracker_notification,
    }


def name(hashes):
    """Version 1 where there is one, else version 2 truncated."""
    return str(hashes.v1 if hashes.has_v1() else hashes.get_best())


def write(path, data):
    """Whoever reads it after a crash sees it whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


class Client:
    def __init__(self, folder, listen, outgoing, limit):
        self.folder = pathlib.Path(folder) / "torrents"
        self.folder.mkdir(parents=True, exist_ok=True)
        # No flags: peer exchange is one of the default plugins.
        self.session = lt.session(settings(listen, outgoing), flags=0)
        # By default peers in private networks, which all are here, are held to no limit.
        everybody = lt.ip_filter()
        everybody.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
        everybody.add_rule("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1 << lt.session.global_peer_class_id)
        self.session.set_peer_class_filter(everybody)
        self.throttle(limit)
        self.torrents = {}
        # The torrents whose scrape the tracker has answered.
        self.answered = set()
        self.saving = 0
        self.saved = time.monotonic()
        for path in self.folder.glob("*.json"):
            self.begin(path.stem, json.loads(path.read_bytes())["folder"])

    def begin(self, hash, folder):
        params = lt.load_torrent_file(str(self.folder / f"{hash}.torrent"))
        try:
            resumed = lt.read_resume_data((self.folder / f"{hash}.resume").read_bytes())
            resumed.ti = params.ti
            params = resumed
        except (OSError, RuntimeError):
            # Whatever is in the folder is checked then.
            pass
        params.save_path = folder
        params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        self.torrents[hash] = self.session.add_torrent(params)

    def version(self):
        return lt.version

    def add(self, path, folder):
        data = pathlib.Path(path).read_bytes()
        hash = name(lt.load_torrent_buffer(data).info_hashes)
        if hash in self.torrents:
            return
        write(self.folder / f"{hash}.torrent", data)
        write(self.folder / f"{hash}.json", json.dumps({"folder": folder}).encode())
        self.begin(hash, folder)

    def remove(self, hash):
        for end in ("json", "resume", "torrent"):
            (self.folder / f"{hash}.{end}").unlink(missing_ok=True)
        self.answered.discard(hash)
        handle = self.torrents.pop(hash, None)
        if handle is not None:
            self.session.remove_torrent(handle)

    def throttle(self, limit):
        """Bytes a second both ways; 0 for none."""
        self.session.apply_settings({"upload_rate_limit": int(limit), "download_rate_limit": int(limit)})

    def shares(self):
        return [share(hash, handle) for hash, handle in self.torrents.items()]

    def keep(self, everything=False):
        """Writes down what is finished, once in ten seconds."""
        for alert in self.session.pop_alerts():
            if isinstance(alert, lt.save_resume_data_alert):
                self.saving -= 1
                hash = name(alert.params.info_hashes)
                if hash in self.torrents:
                    write(self.folder / f"{hash}.resume", lt.write_resume_data_buf(alert.params))
            elif isinstance(alert, lt.scrape_reply_alert):
                self.answered.add(name(alert.handle.info_hashes()))
            elif isinstance(alert, lt.save_resume_data_failed_alert):
                self.saving -= 1
            elif isinstance(alert, (lt.listen_failed_alert, lt.torrent_error_alert, lt.file_error_alert)):
                print(alert.message(), file=sys.stderr, flush=True)
        if everything or time.monotonic() - self.saved > 10:
            self.saved = time.monotonic()
            for handle in self.torrents.values():
                if handle.need_save_resume_data():
                    self.saving += 1
                    handle.save_resume_data(lt.save_resume_flags_t.flush_disk_cache)

    def scrape(self, path, folder):
        """Adds a torrent without starting it."""
        params = lt.load_torrent_file(path)
        params.save_path = folder
        params.flags &= ~lt.torrent_flags.auto_managed
        params.flags |= lt.torrent_flags.paused
        hash = name(params.ti.info_hashes())
        self.torrents[hash] = self.session.add_torrent(params)
        self.torrents[hash].scrape_tracker()

    def scraped(self, hash):
        self.keep()
        return hash in self.answered

    def close(self):
        """Tells the trackers, and writes down what is finished."""
        self.session.pause()
        self.keep(everything=True)
        until = time.monotonic() + 3
        while self.saving > 0 and time.monotonic() < until:
            self.session.wait_for_alert(100)
            self.keep()


def share(hash, handle):
    flags = lt.status_flags_t.query_pieces | lt.status_flags_t.query_accurate_download_counters
    status = handle.status(flags)
    failed = status.errc.value() != 0
    if failed:
        activity = "failed"
    elif status.flags & lt.torrent_flags.paused:
        activity = "stopped"
    elif status.state in CHECKING:
        activity = "checking"
    else:
        activity = "seeding" if status.is_seeding else "leeching"
    told = status.num_complete >= 0 and status.num_incomplete >= 0
    return {
        "hash": hash,
        "activity": activity,
        "error": status.errc.message() if failed else None,
        "done": status.total_wanted_done,
        "pieces": bits(status.pieces),
        "sent": status.all_time_upload,
        "fetched": status.all_time_download,
        "told": [status.num_complete, status.num_incomplete] if told else None,
        "links": [
            {"address": peer.ip[0], "port": peer.ip[1], "sent": peer.total_upload, "fetched": peer.total_download}
            for peer in handle.get_peer_info()
            if not peer.flags & (lt.peer_info.connecting | lt.peer_info.handshake)
        ],
    }


def bits(pieces):
    """Hex, the first piece in the highest bit of the first byte."""
    if not pieces:
        return ""
    text = "".join("1" if piece else "0" for piece in pieces)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").hex()


def answer(client, line):
    request = json.loads(line)
    number, do = request.pop("id"), request.pop("do")
    try:
        value = {
            "version": client.version,
            "add": client.add,
            "remove": client.remove,
            "scrape": client.scrape,
            "scraped": client.scraped,
            "throttle": client.throttle,
            "shares": client.shares,
        }[do](**request)
        reply = {"id": number, "value": value}
    except Exception as error:
        reply = {"id": number, "error": str(error)}
    return json.dumps(reply).encode() + b"\n"


def serve(client, control):
    waiting = b""
    while True:
        if select.select([control], [], [], 1)[0]:
            some = control.recv(1 << 16)
            if not some:
                return
            waiting += some
        *lines, waiting = waiting.split(b"\n")
        for line in lines:
            control.sendall(answer(client, line))
        client.keep()


def listen(name):
    """An abstract name belongs to the network it is in, has no length to mind, and is gone with the program."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0" + name)
    listener.listen(1)
    return listener


def main():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    client = Client(*sys.argv[2:])
    try:
        with listen(sys.argv[1]) as listener:
            control, _ = listener.accept()
        serve(client, control)
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        # A second signal shall not keep it from saying goodbye.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        client.close()


if __name__ == "__main__":
    main()
