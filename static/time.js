// Shows <time datetime="…"> as "3 hours ago", in the reader's language and zone, and keeps it up to date.
// The full time is its title. <time data-absolute> is shown in full.

const STEPS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const language = document.documentElement.lang;
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function ago(date, now) {
  const seconds = (date - now) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return relative.format(seconds < 0 ? Math.trunc(seconds / length) : Math.round(seconds / length), unit);
  }
  return seconds > 0 ? "in a moment" : "just now";
}

function refresh() {
  const now = Date.now();
  for (const element of document.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const absolute = full.format(date);
    const text = "absolute" in element.dataset ? absolute : ago(date, now);
    if (element.textContent !== text) element.textContent = text;
    element.title = absolute;
  }
}

refresh();
setInterval(refresh, 30_000);
