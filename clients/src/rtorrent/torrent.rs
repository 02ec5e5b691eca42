//! Parses torrents of rtorrent's `d.multicall2`.

use crate::remote::join;
use crate::xmlrpc::Value;
use crate::{Activity, Error, Torrent};

/// The fields asked for of each torrent.
pub(super) const FIELDS: [&str; 12] = [
    "d.hash=",
    "d.name=",
    "d.complete=",
    "d.hashing=",
    "d.is_active=",
    "d.message=",
    "d.size_bytes=",
    "d.completed_bytes=",
    "d.left_bytes=",
    "d.directory=",
    "d.is_multi_file=",
    "d.custom1=",
];

/// Parses the fields of one torrent.
pub(super) fn read(row: &[Value]) -> Result<Torrent, Error> {
    let [hash, name, complete, hashing, active, message, size, done, left, directory, is_folder, label] = row
    else {
        return Err(Error::Unreadable(format!("{} values instead of {}", row.len(), FIELDS.len())));
    };
    let set = |value: &Value| value.int() != 0;
    let (name, directory) = (name.text(), directory.text());
    // Of a torrent with several files, `d.directory` is its own folder. `d.base_path` would be empty until the torrent
    // was opened once.
    let path = if set(is_folder) { directory.to_owned() } else { join(directory, name) };
    let folder = if set(is_folder) { parent(directory) } else { directory };
    Ok(Torrent {
        info_hash: hash.text().parse().map_err(|_| Error::Unreadable("d.hash is no info hash".to_owned()))?,
        name: name.to_owned(),
        activity: activity(set(hashing), set(active), set(complete), message.text()),
        size: size.count(),
        done: done.count(),
        left: left.count(),
        folder: folder.to_owned(),
        path,
        label: label.text().to_owned(),
    })
}

/// The activity that `d.hashing`, `d.is_active`, `d.complete` and `d.message` mean.
pub fn activity(is_hashing: bool, is_active: bool, is_complete: bool, message: &str) -> Activity {
    if is_hashing {
        Activity::Checking
    } else if is_active {
        if is_complete { Activity::Seeding } else { Activity::Leeching }
    } else if !message.is_empty() && !message.starts_with("Tracker:") {
        Activity::Failed(message.to_owned())
    } else {
        Activity::Stopped
    }
}

fn parent(path: &str) -> &str {
    path.trim_end_matches('/').rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(is_folder: i64, directory: &str) -> Vec<Value> {
        vec![
            "93A7394C92660A12A1244C6C26F8EFD23617ECC6".into(),
            "film".into(),
            Value::Int(1),
            Value::Int(0),
            Value::Int(1),
            "".into(),
            Value::Int(7),
            Value::Int(7),
            "0".into(),
            directory.into(),
            Value::Int(is_folder),
            "label".into(),
        ]
    }

    #[test]
    fn a_folder_s_directory_has_its_name_and_a_file_s_has_not() {
        for (is_folder, directory) in [(1, "/data/film"), (0, "/data")] {
            let torrent = read(&row(is_folder, directory)).unwrap();
            assert_eq!((torrent.folder.as_str(), torrent.path.as_str()), ("/data", "/data/film"));
            assert_eq!(torrent.info_hash.to_string(), "93a7394c92660a12a1244c6c26f8efd23617ecc6");
            assert!(torrent.is_finished());
        }
    }

    #[test]
    fn a_row_of_another_length_is_refused() {
        assert!(read(&row(0, "/data")[1..]).is_err());
    }

    #[test]
    fn trackers_do_not_fail_a_torrent() {
        let disk = "Storage error: [File chunk write error: No space left on device.]";
        assert_eq!(activity(false, false, false, disk), Activity::Failed(disk.to_owned()));
        assert_eq!(activity(false, false, false, "Tracker: [Timed out]"), Activity::Stopped);
        assert_eq!(activity(true, false, false, disk), Activity::Checking);
        assert_eq!(activity(false, true, true, ""), Activity::Seeding);
    }
}
