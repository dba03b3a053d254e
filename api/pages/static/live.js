// Keeps the page of a job current while it runs, and sends what its buttons ask for.
"use strict";
const POLL_MS = 2000, FIGURES_MS = 4000, PATIENCE_MS = 20000;
const job = document.getElementById("job");
const events = `/v1/jobs/${job.dataset.job}/events`;
let last = "", drawn = document.querySelector("[data-figures]").dataset.figures, asked = 0;

// On another page of a table its rows stay; the first page follows the job.
function isPinned(part) { const page = part.querySelector("[data-page]"); return page && page.dataset.page !== "1"; }

// What a stream sends is what changed since it last sent something, and it may not have seen what a poll
// has shown meanwhile. So the id to ask with is put together of the parts that are shown, from whichever.
const shown = new Map();
function show(update, id) {
  const [pulse, figures, ...digests] = id.split(".");
  const parts = Object.entries(update.parts || {});
  if (!shown.size) for (const [name] of parts) shown.set(name, ""); // the first has all, in their order
  const names = [...shown.keys()];
  for (const [name, html] of parts) {
    const part = job.querySelector(`[data-part="${name}"]`);
    if (!isPinned(part)) morph(part, html);
    shown.set(name, digests[names.indexOf(name)]);
  }
  last = [pulse, figures, ...shown.values()].join(".");
  if (update.figures && update.figures !== drawn) { drawn = update.figures; redraw(); }
}

// Figures are fetched where they can be seen, and not all the time.
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    entry.target.dataset.seen = entry.isIntersecting ? "yes" : "";
    if (entry.isIntersecting && entry.target.dataset.due) draw(entry.target);
  }
}, { rootMargin: "300px" });
async function draw(panel) {
  delete panel.dataset.due;
  try {
    const answer = await fetch(`/v1/jobs/${job.dataset.job}/figures/${panel.dataset.figure}?format=html`, { headers: { Accept: "application/json" } });
    if (answer.ok) morph(panel, await answer.text());
  } catch { panel.dataset.due = "yes"; }
}
function redraw() {
  clearTimeout(asked);
  asked = setTimeout(() => {
    for (const panel of job.querySelectorAll("[data-figure]")) {
      panel.dataset.due = "yes";
      if (panel.dataset.seen) draw(panel);
    }
  }, job.dataset.drawn ? FIGURES_MS : 0);
  job.dataset.drawn = "yes";
}
for (const panel of job.querySelectorAll("[data-figure]")) seen.observe(panel);

async function poll() {
  const before = last;
  try {
    const answer = await fetch(`${events}?parts=true&after=${encodeURIComponent(last)}`, { headers: { Accept: "application/json" } });
    if (answer.status === 401) { location.reload(); return true; } // the key has ended: to the sign-in page
    if (!answer.ok) return false;
    const update = await answer.json();
    if (last !== before && !update.ended) return false; // what was shown meanwhile may be newer
    show(update, update.id);
    if (update.ended) job.dataset.live = "no";
    return update.ended;
  } catch { return false; /* the server is away; the next round tries again */ }
}
async function pollOn() { job.dataset.updates = "polling"; if (!(await poll())) setTimeout(pollOn, POLL_MS * (0.75 + Math.random() / 2)); } // not all pages at once

function listen() {
  const source = new EventSource(`${events}?parts=true`);
  source.addEventListener("open", () => { job.dataset.updates = "stream"; });
  source.addEventListener("update", (event) => show(JSON.parse(event.data), event.lastEventId));
  source.addEventListener("end", () => { source.close(); job.dataset.live = "no"; redraw(); });
  source.addEventListener("error", () => {
    // A lost connection is opened again by the browser; a refusal is not.
    if (source.readyState === EventSource.CLOSED) pollOn();
  });
  // A proxy that holds events back: the first would have come at once.
  setTimeout(() => { if (!last) { source.close(); pollOn(); } }, PATIENCE_MS);
}
if (job.dataset.live === "yes") { if (window.EventSource) listen(); else pollOn(); }

job.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-action]");
  if (!button || (button.dataset.confirm && !confirm(button.dataset.confirm))) return;
  button.disabled = true;
  let refused = "";
  try {
    const answer = await fetch(`/v1/jobs/${job.dataset.job}/${button.dataset.action}`, { method: "POST" });
    if (!answer.ok) refused = (await answer.json()).detail;
  } catch { refused = "The server does not answer. Try again."; }
  await poll();
  setTimeout(poll, POLL_MS); // for what the stream has not seen, or what came in another order
  button.disabled = false;
  const note = document.getElementById("refused");
  if (refused && note) { note.textContent = refused; note.hidden = false; }
});
