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
    const menu = document.querySelector("details.menu[open], details.pickt[open]");
    if (menu && (!menu.contains(event.target) || event.target.closest(".links a"))) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector("details.menu[open], details.pickt[open]");
    if (event.key === "Escape" && menu) menu.open = false;
  });
})();
