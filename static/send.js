// Sends a form without leaving its page, so that the form and its content are kept whatever the answer is.
//
// send(form, body, onProgress) resolves to one of
//   { location }                    the form was accepted, and the site redirects there
//   { html, status, wait }          a page: from 400 on the form with its errors, below 400 the form's result
//   { problem, status, wait }       nothing was changed; `problem` is a sentence for the reader
//   { signedOut: true, problem, … } likewise, and the reader has to sign in first
// where `wait` is the number of seconds that the site asks to wait, or 0.
//
// An outdated CSRF token is renewed in every form of the page, and the form is sent once more.

const base = document.body.dataset.base ?? "";
// Milliseconds without progress, of the body or of the answer, after which a request is given up.
const STALLED = 60_000;
const KEPT = "What you typed is kept.";
// Id of the member that this page was made for; empty if nobody was signed in.
let member = document.body.dataset.member ?? "";

/** The site refused the request, or did not answer. */
function failure(status, message, wait = 0) {
  const words = message.replace(/\.?$/, ".");
  return { problem: `${words[0].toUpperCase()}${words.slice(1)} ${KEPT}`, status, wait };
}

const unreachable = () => failure(0, "the site does not answer");
const signedOut = () => ({ ...failure(401, "you are signed out"), signedOut: true });

/** The sentence of a JSON error. A proxy before the site may answer something else. */
function refusal(status, text, wait) {
  let message = `the site answered with the error ${status}`;
  try {
    message = JSON.parse(text).error.message;
  } catch {
    // Not JSON: only the status is known.
  }
  return failure(status, message, wait);
}

/** Without a session, the sign-in form has the token. */
async function visitorToken() {
  const answer = await fetch(`${base}/sign-in`, { cache: "no-store", signal: AbortSignal.timeout(STALLED) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector("input[name=csrf]")?.value ?? "";
}

/** Puts the present token into all forms of the page. Resolves to the problem, or to null. */
async function renew() {
  let token;
  try {
    const answer = await fetch(`${base}/api/session`, { cache: "no-store", signal: AbortSignal.timeout(STALLED) });
    if (answer.status === 401) {
      if (member) return signedOut();
      token = await visitorToken();
    } else if (answer.ok) {
      const { user, csrf_token: csrf } = await answer.json();
      if (String(user.id) !== member) {
        // The warning is shown once: the next try is consent.
        member = String(user.id);
        return failure(403, `you are signed in as ${user.name} now, and opened this form as somebody else; try again to send it as ${user.name}`);
      }
      token = csrf;
    } else {
      return refusal(answer.status, await answer.text(), Number(answer.headers.get("Retry-After")) || 0);
    }
  } catch {
    return unreachable();
  }
  for (const input of document.querySelectorAll("input[name=csrf]")) input.value = token;
  return null;
}

function post(address, body, onProgress) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let timer;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STALLED);
    };
    request.upload.addEventListener("progress", (event) => {
      wait();
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("loadend", () => {
      clearTimeout(timer);
      resolve(request);
    });
    request.open("POST", address);
    request.setRequestHeader("Accept", "text/html, application/json");
    request.setRequestHeader("X-Sent-By-Script", "1");
    wait();
    request.send(body);
  });
}

function read(request) {
  const { status, responseText: text } = request;
  const wait = Number(request.getResponseHeader("Retry-After")) || 0;
  if (status === 0) return unreachable();
  if (status === 204) return { location: request.getResponseHeader("Location") ?? location.href };
  if (status === 401) return signedOut();
  if (request.getResponseHeader("Content-Type")?.startsWith("text/html")) return { html: text, status, wait };
  return refusal(status, text, wait);
}

const hasFile = (body) => [...body.values()].some((it) => it instanceof File && it.size > 0);
const token = (form) => form.querySelector("input[name=csrf]").value;

/** See above. `body` is a FormData or URLSearchParams of `form`; `onProgress` gets the share sent, 0 to 1. */
export async function send(form, body, onProgress = () => {}) {
  // Browsers do not see a refusal that comes before the end of a long file: ask before sending it.
  if (hasFile(body)) {
    const trouble = await renew();
    if (trouble) return trouble;
    body.set("csrf", token(form));
  }
  const answer = await post(form.action, body, onProgress);
  if (answer.status !== 403) return read(answer);
  const trouble = await renew();
  if (trouble) return trouble;
  if (body.get("csrf") === token(form)) return read(answer);
  body.set("csrf", token(form));
  return read(await post(form.action, body, onProgress));
}
