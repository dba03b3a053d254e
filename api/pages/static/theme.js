// Light or dark: what the reader chose last, else what the system says. Runs before the first paint.
"use strict";
const THEMES = ["system", "light", "dark"];
function chosenTheme() {
  try { return localStorage.getItem("theme") || "system"; } catch { return "system"; }
}
function applyTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  if (button) button.textContent = `Theme: ${theme}`;
}
applyTheme(chosenTheme());
document.addEventListener("DOMContentLoaded", () => {
  applyTheme(chosenTheme());
  document.getElementById("theme")?.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length];
    try { localStorage.setItem("theme", next); } catch { /* it lasts for this page */ }
    applyTheme(next);
  });
});
