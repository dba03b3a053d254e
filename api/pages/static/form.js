// The form for a new job as the body of POST /v1/jobs, and the same as curl and Python.
"use strict";
const byId = (id) => document.getElementById(id);
const numberOf = (id) => { const text = byId(id).value.trim(); return text === "" ? null : Number(text); };
let ownSpace = null;

function strategyOf() {
  const kind = byId("search").value, search = { kind };
  const count = numberOf("candidates");
  if (kind !== "grid" && count !== null) search[kind === "recipes" ? "changes" : "candidates"] = count;
  if (!byId("confirm").checked) return search;
  return {
    kind: "pipeline", search, search_seeds: numberOf("seeds"),
    confirmation: { top: numberOf("top"), seeds: numberOf("confirmation-seeds") },
  };
}
function bodyOf() {
  const space = document.querySelector("[name=space]:checked").value;
  const body = { dataset_id: byId("dataset").value };
  if (byId("name").value.trim()) body.name = byId("name").value.trim();
  body.search_space = space === "own" ? ownSpace : space;
  body.strategy = strategyOf();
  body.iterations = numberOf("iterations");
  if (!byId("confirm").checked) body.seeds = numberOf("seeds");
  body.pretraining = { encoder: byId("encoder").value, method: byId("method").value, batch_size: numberOf("batch") };
  if (byId("criterion").value !== "auto") body.scoring = { criterion: byId("criterion").value };
  const budget = {};
  if (numberOf("minutes") !== null) budget.seconds = 60 * numberOf("minutes");
  if (numberOf("trials") !== null) budget.trials = numberOf("trials");
  if (Object.keys(budget).length) body.budget = budget;
  return body;
}
function asPython(value, indent = "") {
  if (value === null) return "None";
  if (value === true || value === false) return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map((item) => asPython(item)).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${asPython(item)}`).join(", ")}}`;
  return JSON.stringify(value);
}
function showPrograms(body) {
  const quoted = JSON.stringify(body, null, 1).replace(/\n\s*/g, " ").replace(/'/g, "'\\''");
  // The Python client takes the key from its environment by itself.
  const key = byId("new").hasAttribute("data-keys") ? `-H "Authorization: Bearer $QUARTERTURN_API_KEY" \\\n  ` : "";
  byId("curl").textContent = `curl ${key}-H 'Content-Type: application/json' \\\n  -d '${quoted}' \\\n  ${location.origin}/v1/jobs`;
  const { dataset_id, ...search } = body;
  const fields = Object.entries(search).map(([key, value]) => `        ${key}=${asPython(value)},\n`).join("");
  byId("python").textContent =
    `from quarterturn import Client\n\nwith Client("${location.origin}") as client:\n    started = client.start(\n        ${JSON.stringify(dataset_id)},\n${fields}    )\n    job = client.job(started["id"]).wait(progress=True)\n    print(job.ranking)\n`;
}
// Recipes are searched by a strategy of their own unless another is asked for; it searches nothing else.
document.querySelectorAll("[name=space]").forEach((choice) => choice.addEventListener("change", () => {
  const recipes = choice.value === "recipes", search = byId("search");
  if (recipes) search.value = "recipes";
  else if (search.value === "recipes") search.value = "successive_halving";
}));
// Settings of another job.
function takeOver(like) {
  const { spec } = like, pipeline = spec.strategy.kind === "pipeline";
  const search = pipeline ? spec.strategy.search : spec.strategy;
  const set = (id, value) => { if (value !== undefined && value !== null) byId(id).value = value; };
  set("search", search.kind);
  if (!byId("search").value) byId("search").value = "random";
  set("candidates", search.candidates);
  set("iterations", spec.iterations);
  set("seeds", pipeline ? spec.strategy.search_seeds : spec.seeds);
  byId("confirm").checked = Boolean(pipeline && spec.strategy.confirmation);
  if (byId("confirm").checked) { set("top", spec.strategy.confirmation.top); set("confirmation-seeds", spec.strategy.confirmation.seeds); }
  set("encoder", spec.pretraining.encoder); set("method", spec.pretraining.method); set("batch", spec.pretraining.batch_size);
  set("criterion", spec.scoring.criterion);
  if (spec.budget.seconds) byId("minutes").value = Math.max(1, Math.round(spec.budget.seconds / 60));
  set("trials", spec.budget.trials);
  ownSpace = spec.search_space;
  const preset = document.querySelector(`[name=space][value="${CSS.escape(spec.search_space.name)}"]`);
  if (preset) preset.checked = true;
  else {
    byId("own-choice").hidden = false;
    byId("own-name").textContent = spec.search_space.name;
    document.querySelector("[name=space][value=own]").checked = true;
  }
}
