"use strict";
// What a page gains from script; without it everything still reads and links.
(() => {
  function opened() {
    // a link to a check opens it
    const there = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (there instanceof HTMLDetailsElement) {
      there.open = true;
      there.scrollIntoView();
    }
  }
  addEventListener("hashchange", opened);
  opened();
  const print = document.getElementById("print");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }
  for (const all of document.querySelectorAll("[data-all]")) {
    all.closest("label").hidden = false;
    all.addEventListener("change", () => {
      for (const one of all.form.querySelectorAll("input[name=id]")) one.checked = all.checked;
    });
  }
  document.addEventListener("click", (event) => {
    const menu = document.querySelector("details.menu[open], details.pickt[open], details.drop[open]");
    if (menu && (!menu.contains(event.target) || event.target.closest(".links a"))) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector("details.menu[open], details.pickt[open], details.drop[open]");
    if (event.key === "Escape" && menu) menu.open = false;
  });
  // a double click sends a form once; where nothing came of it, it can be sent again after a moment
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method") !== "post") return;
    if (Date.now() - Number(form.dataset.sent || 0) < 3000) event.preventDefault();
    else form.dataset.sent = String(Date.now());
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
