// Sends a form without leaving its page: whatever comes of it, the form and all that is in it are still there.
//
// send(form, body, onProgress) answers one of
//   { location }                    the form did its work, and the site leads there
//   { html, status, wait }          a page: the form with what is wrong in it, or, below 400, what the form was sent for
//   { problem, status, wait }       nothing was changed: a sentence for people
//   { signedOut: true, problem, … } as that: somebody has to sign in first
// where `wait` is the seconds that the site asks to wait, 0 where it names none.
//
// A CSRF token that is out of date is renewed, in every form of the page, and the form sent once more.

const base = document.body.dataset.base ?? "";
// Milliseconds in which nothing of the body goes out and nothing of an answer comes back.
const STALLED = 60_000;
const KEPT = "What you typed is kept.";
// Whom this page was made for, as an id; empty where nobody was signed in.
let member = document.body.dataset.member ?? "";

/** Refused by the site, or not answered at all. */
function failure(status, message, wait = 0) {
  const words = message.replace(/\.?$/, ".");
  return { problem: `${words[0].toUpperCase()}${words.slice(1)} ${KEPT}`, status, wait };
}

const unreachable = () => failure(0, "the site does not answer");
const signedOut = () => ({ ...failure(401, "you are signed out"), signedOut: true });

/** The sentence of an error in JSON; a proxy before the site answers other things. */
function refusal(status, text, wait) {
  let message = `the site answered with the error ${status}`;
  try {
    message = JSON.parse(text).error.message;
  } catch {
    // The number has to do.
  }
  return failure(status, message, wait);
}

/** The token of those who are not signed in stands in the form that signs in. */
async function visitorToken() {
  const answer = await fetch(`${base}/sign-in`, { cache: "no-store", signal: AbortSignal.timeout(STALLED) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector("input[name=csrf]")?.value ?? "";
}

/** Puts the present token into all forms of the page. Answers what stands in the way, null where nothing does. */
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
        // Said once: who tries again agrees.
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

/** See above. `body` is a FormData or URLSearchParams of `form`; `onProgress` is told how much of 1 is sent. */
export async function send(form, body, onProgress = () => {}) {
  // A file may be long, and a refusal that comes before its end is not seen by browsers: ask first.
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
