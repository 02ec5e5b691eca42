// For the page that answers a form: a reload opens its address instead of sending the form again.

history.replaceState(null, "", location.href);
document.querySelector("[autofocus]")?.select?.();
