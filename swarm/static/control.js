// Sends orders without a reload, and chooses the client that they are for.

const form = document.getElementById("control");
const told = document.getElementById("told");

function tell(text, carriedOut) {
  told.textContent = text;
  told.classList.toggle("control-failed", !carriedOut);
}

async function send(submitter) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set(submitter.name, submitter.value);
  tell("…", true);
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields, headers: { Accept: "application/json" } });
    const json = answer.headers.get("content-type")?.startsWith("application/json");
    const { carried_out: carriedOut, text } = json ? await answer.json() : { carried_out: false, text: await answer.text() };
    tell(text, carriedOut);
  } catch {
    tell("The demonstration does not answer. Has it ended?", false);
  }
}

/** Chooses a client for the next order; does nothing if the page has no controls. */
export function choose(name, focus = false) {
  const select = form?.elements.namedItem("client");
  if (!select) return;
  select.value = name;
  if (!focus) return;
  form.scrollIntoView({ block: "center" });
  select.focus({ preventScroll: true });
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.submitter);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-control]");
  if (!link || !form) return;
  event.preventDefault();
  choose(link.closest("[data-client]").dataset.client, true);
});
