// Brings an element to new HTML by changing only what differs: the focus, open details, the place
// in a scrolled table and ticked boxes stay.
"use strict";
function sameKind(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id || "") === (other.id || "");
}
function syncAttributes(old, fresh) {
  for (const { name, value } of [...fresh.attributes])
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
}
function syncChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  let at = old.firstChild;
  for (const node of wanted) {
    if (at && sameKind(at, node)) {
      const next = at.nextSibling;
      syncNode(at, node);
      at = next;
    } else old.insertBefore(node, at);
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}
function syncNode(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
  } else if (!old.isEqualNode(fresh)) { syncAttributes(old, fresh); syncChildren(old, fresh); }
}
function morph(element, html) {
  const fresh = element.cloneNode(false);
  fresh.innerHTML = html;
  syncChildren(element, fresh);
}
