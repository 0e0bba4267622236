"use strict";
// Photos in large: ← → to the neighbours, Esc back to where one was. Without script each photo is a link to its record.
(() => {
  const links = [...document.querySelectorAll(".shot a[data-full]")];
  if (!links.length || typeof HTMLDialogElement === "undefined") return;
  const words = links[0].closest(".shots").dataset;
  const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });
  const box = make("dialog", "lightbox");
  const figure = make("figure", ""), image = new Image(), told = make("figcaption", "");
  figure.append(image, told);
  const button = (name, sign, label, act) => {
    const made = make("button", name, sign);
    made.type = "button";
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  };
  let at = 0;
  const shut = button("shut", "×", words.close, () => box.close());
  const back = button("prev", "←", words.previous, () => show(at - 1));
  const on = button("succ", "→", words.next, () => show(at + 1));
  box.append(figure, shut, back, on);
  document.body.append(box);

  function show(n) {
    if (n < 0 || n >= links.length) return;
    at = n;
    const link = links[n], small = link.querySelector("img"), caption = link.closest(".shot").querySelector("figcaption");
    image.src = link.dataset.full;
    image.alt = small.alt;
    told.textContent = "";
    for (const part of caption.children) {
      const copy = part.cloneNode(true);
      if (copy.tagName === "DETAILS") copy.open = true;
      told.append(copy);
    }
    const record = make("a", "", words.record);
    record.href = link.href;
    told.append(make("span", "count", words.of.replace("#a", n + 1).replace("#n", links.length)), record);
    box.setAttribute("aria-label", small.alt);
    back.disabled = n === 0;
    on.disabled = n === links.length - 1;
    if (document.activeElement === back && back.disabled) on.focus();
    if (document.activeElement === on && on.disabled) back.focus();
    if (document.activeElement === document.body) shut.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest(".shot a[data-full]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(links.indexOf(link));
    box.showModal(); // keeps the keyboard inside, and Esc closes it
    shut.focus();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(at - 1);
    else if (event.key === "ArrowRight") show(at + 1);
    else return;
    event.preventDefault();
  });
  box.addEventListener("close", () => links[at].focus());
})();
