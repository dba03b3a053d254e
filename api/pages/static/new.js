// Uploads, previews, the estimate, and what the API refuses, beside the field that it is about.
"use strict";
const form = byId("new");
let estimating = 0, round = 0, uploading = null;

function duration(seconds) {
  const s = Math.max(0, Math.round(seconds)), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? `${h} h ${m} min` : m ? `${m} min ${s % 60} s` : `${s} s`;
}
function clearProblems() {
  // What an upload was refused for stays until the next one, and that a dataset is needed until one is chosen.
  const stays = byId("dataset").value ? ["file"] : ["file", "dataset_id"];
  for (const place of form.querySelectorAll("[data-problem]")) if (!stays.includes(place.dataset.problem)) place.textContent = "";
  for (const field of form.querySelectorAll("[aria-invalid]")) if (!stays.includes(field.dataset.path)) field.removeAttribute("aria-invalid");
  byId("refused").textContent = "";
}
function fieldFor(path) {
  // The longest path of a field that the offending part is, or lies below.
  let best = null, length = -1;
  for (const field of form.querySelectorAll("[data-path]"))
    for (const known of field.dataset.path.split(" "))
      if ((path === known || path.startsWith(`${known}.`) || path.startsWith(`${known}[`)) && known.length > length) { best = field; length = known.length; }
  return best;
}
function showProblem(problem, focus) {
  clearProblems();
  let first = null, unplaced = !(problem.fields || []).length;
  for (const { path, message } of problem.fields || []) {
    const plain = path.replace(/^\$\.?/, ""), field = fieldFor(plain);
    const place = field ? byId((field.getAttribute("aria-describedby") || "").split(" ").pop()) || field.closest(".field").querySelector(".problem") : plain.startsWith("search_space") ? byId("problem-search_space") : null;
    if (!place) { unplaced = true; continue; }
    place.textContent = `${field ? field.closest(".field").querySelector("label").textContent : "The space"} ${message}.`;
    if (field) { field.setAttribute("aria-invalid", "true"); first = first || field; field.closest("details")?.setAttribute("open", ""); }
  }
  if (problem.code === "dataset_not_found") { byId("problem-dataset_id").textContent = problem.detail; first = byId("dataset"); unplaced = false; }
  if (unplaced || focus) byId("refused").textContent = problem.detail || "The server does not answer. Try again.";
  if (focus && first) first.focus();
}
async function send(address, body) {
  const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body) });
  const found = await answer.json();
  if (answer.status === 401) location.reload();
  return [answer.ok, found];
}
async function estimate() {
  const mine = ++round, { dataset_id, name, ...body } = bodyOf();
  try {
    const [ok, found] = await send("/v1/search-spaces/validate", body);
    if (mine !== round) return; // the form has changed since
    if (!ok) { byId("cost").textContent = "Nothing can be estimated yet; see below the fields."; return showProblem(found, false); }
    clearProblems();
    const e = found.estimate;
    byId("cost").textContent = `${e.candidates} candidates, baselines included, in ${e.trials} trials of ${e.iterations.toLocaleString("en")} iterations in all: about ${duration(e.seconds)} (${e.basis}).`;
  } catch { if (mine === round) byId("cost").textContent = "The server does not answer. The estimate follows when it does."; }
}
function changed() {
  byId("confirmation").hidden = !byId("confirm").checked;
  byId("candidates").disabled = byId("search").value === "grid";
  const space = document.querySelector("[name=space]:checked").value;
  for (const part of form.querySelectorAll("[data-space]")) part.hidden = part.dataset.space !== space;
  showPictures();
  showPrograms(bodyOf());
  clearTimeout(estimating);
  estimating = setTimeout(estimate, 350);
}
// Pictures are asked for when they come into sight.
const sight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries)
    if (isIntersecting && target.dataset.src) { target.src = target.dataset.src; delete target.dataset.src; }
}, { rootMargin: "200px" });
function showPictures() {
  const dataset = byId("dataset").value, sample = byId("sample"), picture = sample.querySelector("img");
  sample.hidden = !dataset;
  if (dataset && picture.dataset.of !== dataset) { picture.dataset.of = dataset; picture.src = `/v1/datasets/${dataset}/sheet`; }
  for (const image of form.querySelectorAll("[data-operation]")) {
    image.hidden = !dataset;
    if (!dataset || image.dataset.of === dataset) continue;
    image.dataset.of = dataset;
    image.dataset.src = `/v1/datasets/${dataset}/operations/${image.dataset.operation}`;
    sight.unobserve(image);
    sight.observe(image);
  }
}
function upload() {
  const [file] = byId("file").files;
  if (!file) return;
  byId("problem-file").textContent = "";
  const data = new FormData(), request = new XMLHttpRequest();
  uploading?.abort();
  uploading = request;
  for (const name of ["window", "bands", "fit"]) if (byId(name).value.trim()) data.append(name, byId(name).value.trim());
  data.append("file", file);
  request.open("POST", "/v1/datasets");
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    const share = event.total ? Math.round((100 * event.loaded) / event.total) : 0;
    byId("upload").textContent = share < 100 ? `Uploading ${file.name}: ${share} %` : "Uploaded; the images are being decoded and checked …";
  });
  request.addEventListener("load", () => {
    const found = request.response || {};
    if (request.status !== 200 && request.status !== 201) {
      byId("upload").textContent = "";
      byId("problem-file").textContent = found.detail || "The upload was refused.";
      return byId("file").focus();
    }
    const skipped = Object.values(found.skipped_reasons).reduce((sum, count) => sum + count, 0);
    byId("upload").textContent = `${found.images} images at ${found.resolution} pixels${skipped ? `, ${skipped} files skipped` : ""}${request.status === 200 ? "; these images were known already" : ""}. ${found.notes.map((note) => note.message).join(" ")}`;
    let option = [...byId("dataset").options].find((item) => item.value === found.id);
    if (!option) { option = new Option(`${found.name} – ${found.images} images, ${found.resolution} px`, found.id); byId("dataset").append(option); }
    byId("dataset").value = found.id;
    changed();
  });
  request.addEventListener("error", () => { byId("upload").textContent = ""; byId("problem-file").textContent = "The connection was lost. Choose the file again."; });
  request.send(data);
}
form.addEventListener("input", (event) => { if (event.target.id !== "file") changed(); });
// What was said of the pictures holds for the file that is chosen already too.
for (const id of ["file", "window", "bands", "fit"]) byId(id).addEventListener("change", upload);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!byId("dataset").value) return showProblem({ detail: "Choose a dataset or upload images first.", fields: [{ path: "$.dataset_id", message: "is needed: choose one, or upload images" }] }, true);
  byId("submit").disabled = true;
  try {
    const [ok, found] = await send("/v1/jobs", bodyOf());
    if (ok) return location.assign(`/v1/jobs/${found.id}/dashboard`);
    showProblem(found, true);
  } catch { showProblem({ fields: [] }, true); }
  byId("submit").disabled = false;
});
// Not form.dataset: that is the field of this id.
const like = form.getAttribute("data-like");
if (like) takeOver(JSON.parse(like));
changed();
