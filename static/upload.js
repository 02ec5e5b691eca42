// form[data-upload]: .torrent files can be dropped anywhere on the page, are checked before they are sent, and show progress.
// One file is sent as any form is (forms.js). Several are sent one after the other, and a list shows each one's result.
//
// The form carries the limit and the site's sentences: data-max-bytes, data-too-large, data-no-torrent.

const version = new URL(import.meta.url).search;
const [{ send }, { forget }, { clearProblem, element, reveal, setBusy, showProblem }] = await Promise.all(
  ["send", "draft", "forms"].map((name) => import(`./${name}.js${version}`)),
);

const UNITS = ["bytes", "KiB", "MiB"];
// First byte of a .torrent file: a bencoded dictionary.
const DICTIONARY = "d".charCodeAt(0);
// Longest wait between two files, in seconds, that happens without asking the member.
const LONGEST_WAIT = 60;
const PLACEHOLDER = "Choose .torrent files or drop them anywhere here";
// The problem found with each file, or an empty text.
const faults = new WeakMap();

const form = () => document.querySelector("form[data-upload]");
const input = () => form().querySelector("input[type=file]");

function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < UNITS.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${UNITS[unit]}`;
}

/** The site's objection to `file`, as far as it can be known before sending; else an empty text. */
async function examine(file) {
  const { maxBytes, tooLarge, noTorrent } = form().dataset;
  if (file.size > Number(maxBytes)) return tooLarge;
  try {
    const [first] = new Uint8Array(await file.slice(0, 1).arrayBuffer());
    return first === DICTIONARY ? "" : noTorrent;
  } catch {
    return "The file cannot be read any more; choose it once more.";
  }
}

async function examineAll() {
  const files = [...input().files];
  const found = await Promise.all(files.map(examine));
  files.forEach((file, index) => faults.set(file, found[index]));
}

function setFiles(files) {
  const chosen = new DataTransfer();
  for (const file of files) chosen.items.add(file);
  input().files = chosen.files;
}

/** Shows a sentence below the zone; an empty one removes it. */
function showFault(sentence) {
  const field = input();
  let note = document.getElementById("torrent-error");
  if (!sentence) {
    note?.remove();
    field.removeAttribute("aria-invalid");
    field.setAttribute("aria-describedby", "torrent-hint");
    return;
  }
  if (!note) {
    note = element("p", { id: "torrent-error", className: "field-error" });
    document.getElementById("torrent-hint").after(note);
  }
  note.textContent = sentence;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", "torrent-error torrent-hint");
}

function list() {
  const zone = form().querySelector(".dropzone");
  let it = form().querySelector(".upload-list");
  if (!it) {
    it = element("ul", { className: "upload-list" });
    it.setAttribute("aria-label", "Chosen files");
    zone.after(it);
  }
  return it;
}

function entry(file) {
  const state = element("span", { className: "upload-state", textContent: faults.get(file) || "ready" });
  state.classList.toggle("upload-state-bad", Boolean(faults.get(file)));
  const name = element("span", { className: "file-name", textContent: file.name });
  return element("li", {}, name, element("span", { className: "file-size", textContent: size(file.size) }), state);
}

/** Shows the chosen files in the zone. */
function fillZone(files) {
  const zone = form().querySelector(".dropzone");
  const all = size(files.reduce((sum, it) => sum + it.size, 0));
  const words = { 0: PLACEHOLDER, 1: `${files[0]?.name}, ${all}` }[files.length] ?? `${files.length} files, ${all}`;
  zone.classList.toggle("dropzone-filled", files.length > 0);
  zone.querySelector("[data-upload-file]").textContent = words;
  // The field is for one torrent: several get the titles of their own metainfo.
  const title = form().elements.namedItem("title");
  title.disabled = files.length > 1;
  title.placeholder = files.length > 1 ? "Each torrent's own" : "";
}

/** Shows the chosen files: one in the zone, several below it. `answered` is the site's answer to a single one. */
async function describe(answered = "") {
  const files = [...input().files];
  fillZone(files);
  await examineAll();
  if (files.length < 2) {
    form().querySelector(".upload-list")?.remove();
    showFault(files.length === 1 ? faults.get(files[0]) || answered : answered);
  } else {
    showFault("");
    list().replaceChildren(...files.map(entry));
  }
}

/** Sets the `state` of an entry of the list: words, followed by links. */
function mark(item, kind, words, ...links) {
  const state = item.querySelector(".upload-state");
  state.className = `upload-state upload-state-${kind}`;
  state.replaceChildren(words);
  for (const link of links) state.append(" ", link);
}

/** The errors in a form that the site sent again. */
function wordsOf(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const notes = [...page.querySelectorAll(".field-error")];
  const wrong = notes.length > 0 ? notes : [...page.querySelectorAll(".form-error")];
  const words = document.createDocumentFragment();
  for (const node of wrong.flatMap((it) => [...it.childNodes])) if (node.nodeName !== "NOSCRIPT") words.append(document.importNode(node, true));
  return words;
}

function pause(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Sends `file` alone, and again as long as the site asks to wait no longer than allowed. */
async function sendFile(file, item, bar) {
  for (;;) {
    mark(item, "now", "sending");
    const body = new FormData(form());
    body.set("torrent", file);
    const answer = await send(form(), body, (part) => (bar.value = part));
    if (answer.status !== 429 || !(answer.wait > 0 && answer.wait <= LONGEST_WAIT)) return answer;
    mark(item, "now", `waits ${answer.wait} s: the site takes one upload at a time`);
    await pause(answer.wait);
  }
}

/** Shows a file's result in the list. Returns whether the next file may be sent. */
function settle(item, file, answer) {
  if (answer.location) {
    const download = element("a", { className: "button button-small", href: `${answer.location.split(/[?#]/)[0]}/download`, textContent: "Download our file" });
    download.setAttribute("download", "");
    mark(item, "good", "uploaded:", element("a", { href: answer.location, textContent: "its page" }), download);
    return true;
  }
  if (answer.html) {
    mark(item, "bad", wordsOf(answer.html));
    return true;
  }
  mark(item, "bad", "not sent");
  showProblem(form(), answer);
  return false;
}

/** Sends the files one after the other, as the site accepts one upload of a member at a time. Files not stored stay chosen. */
async function sendSeveral() {
  const files = [...input().files];
  await examineAll();
  const items = files.map(entry);
  list().replaceChildren(...items);
  const bar = form().querySelector("progress[data-progress]");
  const left = new Set(files);
  clearProblem(form());
  setBusy(form(), true);
  bar.hidden = false;
  for (const [index, file] of files.entries()) {
    if (faults.get(file)) continue;
    const answer = await sendFile(file, items[index], bar);
    if (answer.location) left.delete(file);
    if (!settle(items[index], file, answer)) break;
  }
  bar.hidden = true;
  setBusy(form(), false);
  setFiles([...left]);
  fillZone([...left]);
  if (left.size === 0) {
    forget(form());
    form().reset();
  }
  sum(files.length - left.size, files.length);
}

/** Shows the result in a sentence and scrolls to it. */
function sum(done, all) {
  if (form().querySelector("[data-problem]")) return;
  const rest = done < all ? " What is wrong with the others stands beside them; they are still chosen." : "";
  const result = element("p", { className: done < all ? "form-error" : "flash flash-success", tabIndex: -1, textContent: `${done} of ${all} files uploaded.${rest}` });
  result.dataset.problem = "";
  result.setAttribute("role", "alert");
  list().before(result);
  reveal(result);
}

function takeDrops() {
  const over = (on) => form()?.querySelector(".dropzone").classList.toggle("dropzone-over", on);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || over(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    if (event.dataTransfer.files.length === 0 || form().getAttribute("aria-busy") === "true") return;
    setFiles(event.dataTransfer.files);
    clearProblem(form());
    describe();
  });
}

/** Sets up this page's form, and each form that replaces it. */
function start() {
  input().multiple = true;
  form().querySelector(".dropzone").classList.add("dropzone-scripted");
}

document.addEventListener("change", (event) => {
  if (event.target !== input()) return;
  clearProblem(form());
  describe();
});
// In the capture phase, so that it runs before the listener of forms.js.
document.addEventListener(
  "submit",
  (event) => {
    if (event.target !== form()) return;
    const files = [...input().files];
    const fault = files.length === 1 && faults.get(files[0]);
    if (fault) {
      event.preventDefault();
      reveal(input());
    } else if (files.length > 1) {
      event.preventDefault();
      sendSeveral();
    }
  },
  { capture: true },
);
document.addEventListener("form-again", () => {
  start();
  describe(document.getElementById("torrent-error")?.textContent);
});
takeDrops();
start();
describe();
