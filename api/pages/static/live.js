// Keeps the dashboard current while the job runs, and sends what its buttons ask for.
"use strict";
const PERIOD_MS = 2000;
const content = document.getElementById("content");

async function update() {
  try {
    const answer = await fetch(location.pathname + "?fragment=true", { headers: { Accept: "text/html" } });
    if (answer.status === 401) return location.reload(); // the key has ended: to the sign-in page
    if (!answer.ok) return;
    // Swapping the body must not take the keyboard's place away.
    const focused = document.activeElement?.dataset?.action;
    content.innerHTML = await answer.text();
    if (focused) content.querySelector(`[data-action="${focused}"]`)?.focus();
  } catch { /* the server is away; the next round tries again */ }
}

async function refresh() {
  if (document.getElementById("job")?.dataset.live !== "yes") return;
  await update();
  setTimeout(refresh, PERIOD_MS);
}

content.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-action]");
  if (!button) return;
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
  button.disabled = true;
  let refused = "";
  try {
    const address = location.pathname.replace(/dashboard$/, button.dataset.action);
    const answer = await fetch(address, { method: "POST" });
    if (!answer.ok) refused = (await answer.json()).detail;
  } catch { refused = "The server does not answer. Try again."; }
  await update();
  const note = document.getElementById("refused");
  if (refused && note) { note.textContent = refused; note.hidden = false; }
});
setTimeout(refresh, PERIOD_MS);
