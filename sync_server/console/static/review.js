"use strict";
// What the review page gains from script: how many groups are ticked, words at a tap, three keys that can be turned off.
(() => {
  for (const shown of document.querySelectorAll(".js[hidden]")) if (!shown.closest(".menu")) shown.hidden = false;

  const bulk = document.getElementById("rv-bulk"), form = document.getElementById("rv-groups");
  const boxes = form ? [...form.querySelectorAll("input[name=group]")] : [];
  const all = document.getElementById("rv-all");
  function count() {
    const ticked = boxes.filter((b) => b.checked), clean = boxes.filter((b) => "clean" in b.dataset);
    const exact = ticked.length > 0 && ticked.length === clean.length && ticked.every((b) => "clean" in b.dataset);
    if (bulk) {
      bulk.disabled = ticked.length === 0;
      bulk.querySelector("span").textContent = (exact ? bulk.dataset.clean : bulk.dataset.ticked).replace("#", ticked.length);
    }
    if (all) {
      all.checked = boxes.length > 0 && ticked.length === boxes.length;
      all.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
    }
  }
  if (form) {
    form.addEventListener("change", count);
    count();
  }
  if (all) all.addEventListener("change", () => { for (const b of boxes) b.checked = all.checked; count(); });

  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-reason]");
    if (!chip) return;
    const field = document.getElementById(chip.dataset.reason), word = chip.textContent.trim();
    field.value = field.value.trim() ? `${field.value.trim()}${document.documentElement.lang === "en" ? "; " : "；"}${word}` : word;
    field.focus();
  });

  // single letters only on this page, and only as long as their reader wants them
  const keys = document.getElementById("rv-keys"), decide = document.getElementById("rv-decide");
  if (!keys || !decide) return;
  const KEPT = "jingtu_review_keys";
  try { keys.checked = localStorage.getItem(KEPT) !== "off"; } catch { keys.checked = true; }
  keys.addEventListener("change", () => {
    try { localStorage.setItem(KEPT, keys.checked ? "on" : "off"); } catch { /* it lasts as long as the page */ }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("textarea, select, input:not([type=checkbox]), [contenteditable]");
    if (!keys.checked || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase(), pass = document.getElementById("rv-pass");
    if (key === "a" && pass) pass.click();
    else if (key === "r" && document.getElementById("rv-back")) document.getElementById("rv-reason").focus();
    else if (key === "j" && decide.dataset.next) location.href = decide.dataset.next;
    else return;
    event.preventDefault();
  });
})();
