// form[data-draft]: its text is kept in the tab's session storage until the form has been sent, even if the page is left.
// Each member and each form has a draft of its own. A draft holds text only: no password, no hidden field, no file.

const member = document.body.dataset.member ?? "";
// Milliseconds from the last keystroke until the draft is saved.
const PAUSE = 250;
// For each form's address, the values of its first page. A form that the site sends again has other values.
const originals = new Map();
const sent = new WeakSet();

const address = (form) => new URL(form.action).pathname;
const key = (form) => `draft ${member} ${address(form)}`;
const fields = (form) => [...form.elements].filter((it) => it.name && it.matches("textarea, input[type=text]"));

// Session storage may be full or switched off: then there is no draft.
function store(action) {
  try {
    return action(sessionStorage);
  } catch {
    return null;
  }
}

function save(form) {
  if (sent.has(form)) return;
  const original = originals.get(address(form));
  const typed = fields(form).filter((it) => it.value !== original[it.name]);
  const values = Object.fromEntries(typed.map((it) => [it.name, it.value]));
  store((it) => (typed.length > 0 ? it.setItem(key(form), JSON.stringify(values)) : it.removeItem(key(form))));
}

function say(form) {
  const note = document.createElement("div");
  note.className = "flash";
  note.setAttribute("role", "status");
  const words = document.createElement("span");
  words.textContent = "What you typed here before is back.";
  const discard = document.createElement("button");
  discard.type = "button";
  discard.className = "button button-small";
  discard.textContent = "Discard draft";
  discard.addEventListener("click", () => {
    for (const field of fields(form)) field.value = originals.get(address(form))[field.name];
    save(form);
    note.remove();
    fields(form)[0]?.focus();
  });
  note.append(words, discard);
  form.prepend(note);
}

function restore(form) {
  const values = JSON.parse(store((it) => it.getItem(key(form))) ?? "{}");
  const lost = fields(form).filter((it) => it.name in values && it.value !== values[it.name]);
  for (const field of lost) field.value = values[field.name];
  if (lost.length > 0) say(form);
}

/** Restores the draft of `form` and saves it from now on. */
export function watch(form) {
  let timer;
  if (!originals.has(address(form))) {
    originals.set(address(form), Object.fromEntries(fields(form).map((it) => [it.name, it.defaultValue])));
    restore(form);
  }
  form.addEventListener("input", () => {
    sent.delete(form);
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE, form);
  });
  window.addEventListener("pagehide", () => form.isConnected && save(form));
}

/** Deletes the draft of `form`, which has been sent. */
export function forget(form) {
  sent.add(form);
  store((it) => it.removeItem(key(form)));
}
