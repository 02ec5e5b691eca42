// A page that answers a form and is shown once. Loading it anew opens its address instead of sending the form again.

history.replaceState(null, "", location.href);
document.querySelector("[autofocus]")?.select?.();
