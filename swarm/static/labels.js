// Writes rates beside the fastest lines of the graph, if there is room.

const SVG = "http://www.w3.org/2000/svg";
const MOST = 8;
/** A line that is slower than the fastest by this factor gets no label. */
const SLOWER = 8;
/** Positions of a label along its line, the best first. */
const ALONG = [0.5, 0.38, 0.62, 0.28, 0.72];
/** A line must be faster than a labelled one by this factor to take its label: else labels would flicker. */
const FASTER = 2;

const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Makes labels in `layer`, of height `letter`, outside of the boxes `taken`, in a drawing of `width`. */
export class Labels {
  layer = document.createElementNS(SVG, "g");
  #letter;
  #taken;
  #width;
  #shown = new Map();

  constructor(letter, taken, width) {
    this.#letter = letter;
    this.#taken = taken;
    this.#width = width;
  }

  /** Labels some of `lines`, each { key, rate, text, line }, with their rates. */
  show(lines) {
    const weight = ({ key, rate }) => rate * (this.#shown.has(key) ? FASTER : 1);
    const taken = [...this.#taken];
    const before = this.#shown;
    this.#shown = new Map();
    const fastest = Math.max(...lines.map((it) => it.rate));
    const worth = lines.filter((it) => it.rate * SLOWER > fastest);
    for (const it of worth.sort((a, b) => weight(b) - weight(a))) {
      if (this.#shown.size === MOST) break;
      const old = before.get(it.key);
      const place = this.#place(it, taken, old?.along);
      if (!place) continue;
      taken.push(place.box);
      const label = old?.label ?? document.createElementNS(SVG, "text");
      label.setAttribute("class", "edge-rate");
      label.setAttribute("x", place.x.toFixed(1));
      label.setAttribute("y", (place.y + 0.3 * this.#letter).toFixed(1));
      if (label.textContent !== it.text) label.textContent = it.text;
      this.#shown.set(it.key, { label, along: place.along });
    }
    for (const [key, { label }] of before) if (!this.#shown.has(key)) label.remove();
    for (const { label } of this.#shown.values()) if (!label.parentNode) this.layer.append(label);
  }

  /** Dims the labels for whose key `aside` is true. */
  set(aside) {
    for (const [key, { label }] of this.#shown) label.classList.toggle("edge-aside", aside(key));
  }

  /** The first position along the line with room for the text; the previous one if it still has room. */
  #place({ text, line }, taken, before) {
    const [width, height] = [0.52 * this.#letter * text.length, 1.1 * this.#letter];
    const length = line.getTotalLength();
    for (const along of before === undefined ? ALONG : [before, ...ALONG]) {
      const { x, y } = line.getPointAtLength(along * length);
      const box = { x: x - width / 2, y: y - height / 2, width, height };
      const outside = box.x < 0 || box.x + width > this.#width;
      if (!outside && !taken.some((it) => meet(it, box))) return { x, y, box, along };
    }
    return null;
  }
}
