// Piece maps as SVG paths, as drawn by src/page/map.rs.

const PLACES = 200;

export const width = (torrent) => Math.min(Math.max(torrent.pieces, 1), PLACES);

/** Returns a function that says whether a holder has the piece of a number. */
function map(holder, torrent) {
  if (holder.map === "" && holder.done >= torrent.size) return () => true;
  const { map } = holder;
  return (piece) => (Number.parseInt(map[piece >> 2] ?? "0", 16) & (8 >> (piece & 3))) !== 0;
}

/** The pieces of each box of the map, as [first, end]. */
function places(torrent) {
  const all = width(torrent);
  const first = (place) => Math.floor((place * torrent.pieces) / all);
  return Array.from({ length: all }, (_, place) => [first(place), first(place + 1)]);
}

function runs(flags) {
  let path = "";
  for (let at = 0, end; at < flags.length; at = end) {
    for (end = at + 1; end < flags.length && flags[end] === flags[at]; end += 1);
    if (flags[at]) path += `M${at} 0h${end - at}v1h-${end - at}z`;
  }
  return path;
}

/** The paths of a holder's boxes, those with all pieces and those with some; and for each box whether it has all. */
export function strip(holder, torrent) {
  const has = map(holder, torrent);
  const shares = places(torrent).map(([first, end]) => {
    let number = 0;
    for (let piece = first; piece < end; piece += 1) if (has(piece)) number += 1;
    return [number, end - first];
  });
  const whole = shares.map(([number, of]) => number === of);
  return { places: whole, whole: runs(whole), part: runs(shares.map(([number, of]) => number > 0 && number < of)) };
}

/** The path of the boxes that are complete now and were not before. */
export const fresh = (before, now) => runs(now.map((whole, place) => whole && !before[place]));

/** The path of the number of copies of each piece, and the number of the rarest one. */
export function copies(torrent) {
  const maps = torrent.holders.map((holder) => map(holder, torrent));
  const heights = places(torrent).map(([first, end]) => {
    let fewest = Infinity;
    for (let piece = first; piece < end; piece += 1) {
      fewest = Math.min(fewest, maps.reduce((sum, has) => sum + has(piece), 0));
    }
    return end > first ? fewest : 0;
  });
  let area = `M0 ${maps.length}`;
  for (let at = 0, end; at < heights.length; at = end) {
    for (end = at + 1; end < heights.length && heights[end] === heights[at]; end += 1);
    area += `V${maps.length - heights[at]}h${end - at}`;
  }
  return { area: `${area}V${maps.length}z`, fewest: Math.min(...heights) };
}
