// button[data-confirm="Question?"] opens a dialog with the question before its form is sent. Without scripts the form is
// sent at once, or the button leads to a page with the question.

function element(name, properties, ...children) {
  const it = Object.assign(document.createElement(name), properties);
  it.append(...children);
  return it;
}

function ask(button) {
  const question = element("h2", { id: "confirm-question", textContent: button.dataset.confirm });
  const cancel = element("button", { type: "submit", value: "", className: "button", textContent: "Cancel" });
  const go = element("button", {
    type: "submit",
    value: "yes",
    className: "button button-danger",
    textContent: button.dataset.confirmAction ?? button.textContent.trim(),
  });
  const form = element("form", { method: "dialog" }, question, element("div", { className: "actions" }, cancel, go));
  const dialog = element("dialog", {}, form);
  dialog.setAttribute("aria-labelledby", question.id);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
    cancel.focus();
  });
}

const confirmed = new WeakSet();

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button[data-confirm]");
  if (!button || confirmed.delete(button)) return;
  if (button.form && !button.form.reportValidity()) return event.preventDefault();
  event.preventDefault();
  if (await ask(button)) {
    confirmed.add(button);
    button.click();
  }
});
