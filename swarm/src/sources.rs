//! The folder whose files and folders become torrents.
