// form[data-keep] stays on its page with its text and files until the site has accepted it. Errors are shown beside their
// field, or above the button with "Try again".
// form[data-draft] keeps its text even if the page is left (draft.js).
//
// The form is sent, and answered, as without scripts (send.js). When the site answers with the form and errors beside its
// fields, only the form is replaced; it then gets the event "form-again".

const version = new URL(import.meta.url).search;
const [{ send }, { watch, forget }] = await Promise.all([import(`./send.js${version}`), import(`./draft.js${version}`)]);
const base = document.body.dataset.base ?? "";

export function element(name, properties, ...children) {
  const it = Object.assign(document.createElement(name), properties);
  it.append(...children);
  return it;
}

/** Focuses `target` and scrolls its field into view. */
export function reveal(target) {
  target.focus({ preventScroll: true });
  (target.closest(".field") ?? target).scrollIntoView({ block: "center" });
}

function revealWrong(root) {
  const wrong = root.querySelector("[aria-invalid=true]") ?? root.querySelector("[role=alert]");
  if (wrong) reveal(wrong);
  return Boolean(wrong);
}

export function setBusy(form, busy) {
  form.setAttribute("aria-busy", String(busy));
  for (const button of form.querySelectorAll("button")) button.disabled = busy;
}

/** The sign-in page that leads back to this form. */
function signInLink() {
  const here = location.pathname.slice(base.length) + location.search;
  return element("a", { href: `${base}/sign-in?next=${encodeURIComponent(here)}`, textContent: "Sign in" });
}

export function clearProblem(form) {
  form.querySelector("[data-problem]")?.remove();
}

/** Shows above the button why the form was not accepted; `answer` as in send.js. */
export function showProblem(form, answer) {
  clearProblem(form);
  const words = element("p", { textContent: answer.problem });
  const retry = element("button", { type: "submit", className: "button button-small", textContent: "Try again" });
  const box = element("div", { className: "form-error", tabIndex: -1 }, words, element("div", { className: "actions" }, retry));
  if (answer.signedOut) words.append(" ", signInLink(), " and come back to it.");
  box.dataset.problem = "";
  box.setAttribute("role", "alert");
  const actions = [...form.querySelectorAll(".actions")].pop();
  if (actions) actions.before(box);
  else form.append(box);
  reveal(box);
}

/** Moves files and passwords without an error into the form that the site sent again. */
function carry(from, to) {
  for (const old of from.querySelectorAll("input[type=file][name], input[type=password][name]")) {
    const fresh = to.elements.namedItem(old.name);
    if (!(fresh instanceof HTMLInputElement)) continue;
    if (old.type === "password") {
      if (!fresh.matches("[aria-invalid=true]")) fresh.value = old.value;
      continue;
    }
    // Changing the type of a file input removes its files.
    for (const { name } of [...old.attributes]) if (name !== "type") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (name !== "type") old.setAttribute(name, value);
    fresh.replaceWith(old);
  }
}

function showAgain(form, fresh, title) {
  carry(form, fresh);
  document.title = title;
  form.replaceWith(fresh);
  if (fresh.matches("[data-draft]")) watch(fresh);
  fresh.dispatchEvent(new CustomEvent("form-again", { bubbles: true }));
  if (!revealWrong(fresh)) reveal(fresh.querySelector("[autofocus], button[type=submit]"));
}

function showPage(form, { html, status }) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const main = page.querySelector("main");
  if (status < 400) {
    forget(form);
    document.title = page.title;
    document.querySelector("main").replaceWith(document.adoptNode(main));
    window.scrollTo(0, 0);
    const first = main.querySelector("[autofocus]") ?? main;
    first.focus();
    first.select?.();
    return;
  }
  const fresh = [...page.forms].find((it) => it.getAttribute("action") === form.getAttribute("action"));
  if (fresh) return showAgain(form, document.adoptNode(fresh), page.title);
  const words = main && [...main.querySelectorAll("h1, p:not(:has(a))")].map((it) => it.textContent.trim()).join(". ");
  showProblem(form, { problem: words || `The site answered with the error ${status}. What you typed is kept.` });
}

/** Opens `address`, also if it is the address of this page. */
function leave(form, address) {
  forget(form);
  const { pathname, search, hash } = new URL(address, location.href);
  location.assign(address);
  if (hash && pathname === location.pathname && search === location.search) location.reload();
}

async function submit(form, submitter) {
  if (form.getAttribute("aria-busy") === "true") return;
  const multipart = form.enctype === "multipart/form-data";
  const fields = new FormData(form);
  if (submitter?.name) fields.append(submitter.name, submitter.value);
  const bar = form.querySelector("progress[data-progress]");
  clearProblem(form);
  setBusy(form, true);
  if (bar) bar.hidden = false;
  const answer = await send(form, multipart ? fields : new URLSearchParams(fields), (part) => bar && (bar.value = part));
  if (bar) bar.hidden = true;
  // The page is about to be left.
  if (answer.location) return leave(form, answer.location);
  setBusy(form, false);
  if (answer.html) showPage(form, answer);
  else showProblem(form, answer);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches("form[data-keep]")) return;
  event.preventDefault();
  submit(form, event.submitter);
});

// Back may show the page as it was left: messages shown once are removed then, and forms can be sent again.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const flashes of document.querySelectorAll(".flashes")) flashes.remove();
  for (const form of document.querySelectorAll("form[data-keep]")) setBusy(form, false);
});

for (const form of document.querySelectorAll("form[data-draft]")) watch(form);
revealWrong(document.querySelector("main"));
