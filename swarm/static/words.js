// Numbers and times as people read them, as in src/page/{words,view}.rs.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function size(bytes) {
  let unit = 0;
  let whole = bytes;
  let tenths = 0;
  while (whole >= 1024 && unit + 1 < UNITS.length) {
    tenths = Math.floor(((whole % 1024) * 10) / 1024);
    whole = Math.floor(whole / 1024);
    unit += 1;
  }
  return unit === 0 || whole >= 100 ? `${whole} ${UNITS[unit]}` : `${whole}.${tenths} ${UNITS[unit]}`;
}

export const rate = (bytes) => (bytes === 0 ? "–" : `${size(bytes)}/s`);

export function clock(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}

export function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
}

/** Percent, rounded down: 100 means everything. */
export const percent = (part, whole) => Math.min(100, Math.floor((part * 100) / Math.max(1, whole)));

export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

export const withReason = (state, reason) => (reason ? `${state}: ${reason}` : state);

const hasAll = (holder, torrent) => holder.done >= torrent.size && ["seeding", "stopped"].includes(holder.activity);

/** When all clients had a torrent, or how far they are. */
export function completion(torrent, clients) {
  if (torrent.completed !== null) return `At every client, first after ${duration(torrent.completed)}`;
  if (torrent.holders.length === 0) return "No client has it yet";
  const lacking = torrent.holders.filter((it) => !hasAll(it, torrent));
  const number = clients - torrent.holders.length + lacking.length;
  if (number === 0) return "Nobody lacks anything";
  if (number === lacking.length && lacking.every((it) => it.eta !== null)) {
    return `About ${duration(Math.max(...lacking.map((it) => it.eta)))} to go`;
  }
  return `${count(number, "client", "clients")} to go`;
}

/** A client's state and share of a torrent, in words. */
export function holding(holder, torrent) {
  const has = percent(holder.done, torrent.size);
  if (holder.activity === "seeding") return holder.origin ? "given" : "seeds";
  if (holder.activity === "leeching") return `${has} %`;
  if (holder.activity === "checking") return `checks, ${has} %`;
  return withReason(`${holder.activity}, ${has} %`, holder.reason);
}
