// button[data-copy="ID"] copies the text or the value of the element #ID and confirms it on the button.

const voice = document.createElement("p");
voice.className = "sr-only";
voice.setAttribute("role", "status");

function select(source) {
  if (typeof source.select === "function") {
    source.select();
    return;
  }
  const range = document.createRange();
  range.selectNodeContents(source);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

// The clipboard needs https or localhost. Elsewhere the text is selected, so that the reader can copy it by key.
async function copy(source) {
  const text = source.value ?? source.textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    select(source);
    return document.execCommand("copy") ? "Copied" : "Selected";
  }
}

function say(button, word) {
  const label = button.querySelector("[data-copy-label]") ?? button;
  button.dataset.copyWord ??= label.textContent;
  label.textContent = word;
  voice.textContent = word;
  clearTimeout(button.copyTimer);
  button.copyTimer = setTimeout(() => {
    label.textContent = button.dataset.copyWord;
    voice.textContent = "";
  }, 2_000);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button[data-copy]");
  const source = button && document.getElementById(button.dataset.copy);
  if (source) say(button, await copy(source));
});

document.body.append(voice);
