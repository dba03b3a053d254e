// Keeps the dashboard current while the job runs: asks for the body again and swaps it in.
"use strict";
const PERIOD_MS = 2000;
const content = document.getElementById("content");

async function refresh() {
  if (document.getElementById("job")?.dataset.live !== "yes") return;
  try {
    const answer = await fetch(location.pathname + "?fragment=true", { headers: { Accept: "text/html" } });
    if (answer.status === 401) return location.reload(); // the key has ended: to the sign-in page
    if (answer.ok) content.innerHTML = await answer.text();
  } catch { /* the server is away; the next round tries again */ }
  setTimeout(refresh, PERIOD_MS);
}
setTimeout(refresh, PERIOD_MS);
