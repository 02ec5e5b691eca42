"""libtorrent as a client that the tests steer: one torrent, commands on standard input, states on standard output.

usage: libtorrent_client.py TORRENT FOLDER [BYTES_PER_SECOND]
commands: `unlimited` lifts the limit; `stop` tells the tracker and ends.
states: `seeding`, `downloading`, `announced EVENT`, `error SENTENCE`, one a line.
"""

import sys
import threading

import libtorrent as lt


def say(*words):
    print(*words, flush=True)


def settings():
    return {
        "listen_interfaces": "127.0.0.1:0",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        # All members of this swarm have one address.
        "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.tracker_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.error_notification,
    }


def main():
    torrent, folder = sys.argv[1:3]
    session = lt.session(settings())
    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(torrent)
    parameters.save_path = folder
    if len(sys.argv) > 3:
        parameters.download_limit = int(sys.argv[3])
    handle = session.add_torrent(parameters)
    stopping = threading.Event()

    def obey():
        for line in sys.stdin:
            if line.strip() == "unlimited":
                handle.set_download_limit(0)
            if line.strip() == "stop":
                break
        # A paused torrent says event=stopped to its tracker.
        stopping.set()
        handle.unset_flags(lt.torrent_flags.auto_managed)
        handle.pause()

    threading.Thread(target=obey, daemon=True).start()
    announcing = "none"
    while True:
        if session.wait_for_alert(1000) is None:
            continue
        for alert in session.pop_alerts():
            if isinstance(alert, lt.tracker_announce_alert):
                announcing = str(alert.event)
            elif isinstance(alert, lt.tracker_reply_alert):
                say("announced", announcing)
                if stopping.is_set() and announcing.endswith("stopped"):
                    return
            elif isinstance(alert, (lt.tracker_error_alert, lt.torrent_error_alert, lt.file_error_alert)):
                say("error", alert.message())
            elif isinstance(alert, lt.state_changed_alert):
                say(str(alert.state).rpartition(".")[2])


main()
