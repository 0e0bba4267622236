"use strict";
// The ledger renews itself with htmx; this only says so, and keeps what is folded open open.
(() => {
  let open = [];
  const told = () => document.querySelectorAll("#live .js[hidden]").forEach((one) => (one.hidden = false));
  document.addEventListener("htmx:beforeRequest", (event) => {
    // nobody's typing is swept away by a renewal
    const at = document.activeElement;
    if (event.target.id === "live" && at && at.closest(".filters") && at.matches("input, select")) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", () => {
    open = [...document.querySelectorAll("#live details")].map((one) => one.open);
  });
  document.addEventListener("htmx:afterSwap", () => {
    document.querySelectorAll("#live details").forEach((one, n) => (one.open = Boolean(open[n])));
    told();
  });
  told();
})();
