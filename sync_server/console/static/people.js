"use strict";
// Copying what is shown once; without script it is marked and copied by hand.
(() => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        // on plain http there is no clipboard of this kind
        if (!document.execCommand("copy")) return;
      }
      for (const said of document.querySelectorAll("[data-copied]")) said.textContent = said.dataset.copied;
    });
  }
})();
