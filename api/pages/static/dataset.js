// Asks for what takes a moment to measure.
"use strict";
const rotation = document.querySelector("[data-rotation]");
const CLASSES = { hidden: "none", partly: "clear", given_away: "weak" };
async function measured() {
  const line = document.createElement("p");
  try {
    const answer = await fetch(rotation.dataset.rotation, { headers: { Accept: "application/json" } });
    const found = await answer.json();
    line.textContent = answer.ok ? found.sentence : found.detail;
    if (answer.ok) line.className = `evidence ${CLASSES[found.verdict]}`;
  } catch { line.textContent = "The server does not answer. Load the page again."; }
  rotation.replaceChildren(line);
}
if (rotation.textContent.includes("Measuring")) measured();
