// form[data-upload]: drop a .torrent on it, see its name and size, watch the upload.
// The same form is sent as without scripts, and the same answer is shown.

const UNITS = ["bytes", "KiB", "MiB"];

function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < UNITS.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${UNITS[unit]}`;
}

function describe(zone, input, words) {
  const file = input.files[0];
  zone.classList.toggle("dropzone-filled", Boolean(file));
  if (words && file) words.textContent = `${file.name}, ${size(file.size)}`;
}

function takeDrops(zone, input) {
  const over = (on) => zone.classList.toggle("dropzone-over", on);
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  zone.addEventListener("dragleave", () => over(false));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    if (event.dataTransfer.files.length === 0) return;
    const one = new DataTransfer();
    one.items.add(event.dataTransfer.files[0]);
    input.files = one.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// After a redirect that is the new page; otherwise the form again, with what is wrong beside its fields.
function show(request, form) {
  if (request.responseURL && request.responseURL.split("#")[0] !== form.action.split("#")[0]) {
    location.assign(request.responseURL);
    return;
  }
  const answer = new DOMParser().parseFromString(request.responseText, "text/html");
  const main = answer.querySelector("main");
  if (!main) {
    form.submit();
    return;
  }
  document.title = answer.title;
  document.querySelector("main").replaceWith(document.adoptNode(main));
  start();
  const wrong = document.querySelector("[aria-invalid=true], .form-error, .flash-error");
  (wrong?.matches("input, textarea") ? wrong : document.querySelector("main")).focus();
}

function send(form, bar) {
  const buttons = [...form.querySelectorAll("button")];
  const request = new XMLHttpRequest();
  const body = new FormData(form);
  const settle = () => {
    bar.hidden = true;
    for (const button of buttons) button.disabled = false;
  };
  for (const button of buttons) button.disabled = true;
  bar.hidden = false;
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  });
  request.addEventListener("load", () => {
    settle();
    show(request, form);
  });
  // Sent the plain way, the browser itself says what is wrong.
  request.addEventListener("error", () => {
    settle();
    form.submit();
  });
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "text/html");
  request.send(body);
}

function start() {
  const form = document.querySelector("form[data-upload]");
  const zone = form?.querySelector(".dropzone");
  const input = zone?.querySelector("input[type=file]");
  if (!input) return;
  const words = form.querySelector("[data-upload-file]");
  const bar = form.querySelector("progress[data-upload-progress]");
  takeDrops(zone, input);
  input.addEventListener("change", () => describe(zone, input, words));
  describe(zone, input, words);
  if (!bar) return;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, bar);
  });
}

start();
