"use strict";
// The map of a plan: its points, what a version changes, and where a new position is picked. Leaflet's canvas, no base map.
(() => {
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const fills = { done: "done", extra: "warn", screening: "warn", intervention: "alert" };
  const rings = { added: "done", moved: "warn", changed: "active", removed: "planned" };
  const box = document.getElementById("planmap");
  if (!box) return;

  const Mark = L.CircleMarker.extend({
    _updatePath() { this._renderer._drawPlanned(this); },
    // the code below a mark belongs to it: else it is cut off where only a part is drawn anew
    _updateBounds() {
      L.CircleMarker.prototype._updateBounds.call(this);
      this._pxBounds.extend(this._point.add([-110, -26])).extend(this._point.add([110, 42]));
    },
  });

  function line(ctx, points, colour, width) {
    ctx.beginPath();
    points.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.stroke();
  }

  function shape(ctx, s, colour) {
    if (s === "screening" || s === "intervention") {
      ctx.beginPath();
      ctx.moveTo(0, -8);
      ctx.lineTo(8, 6);
      ctx.lineTo(-8, 6);
      ctx.closePath();
      ctx.fillStyle = colour[fills[s]];
      ctx.fill();
      for (const y of s === "screening" ? [3] : [0.5, 5]) line(ctx, [[-3, y], [0, y - 3.5], [3, y]], colour.surface, 1.6);
      return;
    }
    ctx.beginPath();
    ctx.arc(0, 0, 6, 0, 2 * Math.PI);
    ctx.fillStyle = fills[s] ? colour[fills[s]] : colour.surface;
    ctx.fill();
    ctx.strokeStyle = s === "partial" ? colour.active : fills[s] ? colour.surface : colour.planned;
    ctx.lineWidth = 2;
    ctx.stroke();
    if (s === "done") line(ctx, [[-3, 0], [-0.5, 2.5], [3, -2.5]], colour.surface, 1.8);
    if (s === "extra") { line(ctx, [[-3, 0], [3, 0]], colour.surface, 1.8); line(ctx, [[0, -3], [0, 3]], colour.surface, 1.8); }
    if (s === "refused") line(ctx, [[-4, -4], [4, 4]], colour.planned, 2);
    if (s === "cancelled") line(ctx, [[-3, 0], [3, 0]], colour.planned, 2);
    if (s === "partial") {
      ctx.beginPath();
      ctx.arc(0, 0, 6, -Math.PI / 2, Math.PI / 2);
      ctx.fillStyle = colour.active;
      ctx.fill();
    }
  }

  L.Canvas.include({
    _drawPlanned(layer) {
      if (!this._drawing || layer._empty()) return;
      const { mark, colour } = layer.options, ctx = this._ctx, ring = rings[mark.k];
      ctx.save();
      ctx.translate(layer._point.x, layer._point.y);
      ctx.setLineDash([]);
      if (mark.k === "picked") {
        line(ctx, [[-11, 0], [11, 0]], colour.focus, 2.5);
        line(ctx, [[0, -11], [0, 11]], colour.focus, 2.5);
      } else if (mark.k === "before") {
        ctx.beginPath();
        ctx.arc(0, 0, 3.5, 0, 2 * Math.PI);
        ctx.fillStyle = colour.surface;
        ctx.fill();
        ctx.strokeStyle = colour.planned;
        ctx.lineWidth = 1.8;
        ctx.stroke();
      } else if (mark.k === "added") {
        line(ctx, [[-4.5, 0], [4.5, 0]], colour.done, 2.2);
        line(ctx, [[0, -4.5], [0, 4.5]], colour.done, 2.2);
      } else shape(ctx, mark.s, colour);
      if (mark.k === "removed") line(ctx, [[-8, -8], [8, 8]], colour.planned, 2.5);
      if (ring) {
        ctx.setLineDash([4, 3]);
        ctx.beginPath();
        ctx.arc(0, 0, 11.5, 0, 2 * Math.PI);
        ctx.strokeStyle = colour[ring];
        ctx.lineWidth = 2;
        ctx.stroke();
      }
      if (layer.options.named) {
        ctx.setLineDash([]);
        ctx.font = `700 12px ${colour.font}`;
        ctx.textAlign = "center";
        ctx.textBaseline = "top";
        ctx.strokeStyle = colour.paper;
        ctx.lineWidth = 4;
        ctx.lineJoin = "round";
        ctx.strokeText(mark.c, 0, 13);
        ctx.fillStyle = colour.ink;
        ctx.fillText(mark.c, 0, 13);
      }
      ctx.restore();
    },
  });

  const colour = { font: ink("font") };
  for (const name of ["surface", "paper", "ink", "planned", "active", "done", "warn", "alert", "focus"]) colour[name] = ink(name);
  box.textContent = "";
  const map = L.map(box, { preferCanvas: true, attributionControl: false, zoomSnap: 0.5, maxZoom: 24, minZoom: 3, zoomAnimation: false, keyboard: true });
  L.control.scale({ imperial: false }).addTo(map);
  map.setView([32, 119], 10);
  const marks = [];

  function told(mark) {
    // text only, never markup: codes are typed by people
    const out = document.createElement("div");
    const add = (tag, text) => out.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
    add("b", mark.c);
    (mark.t || []).forEach((text) => add("p", text));
    return out;
  }

  function put(data) {
    const counts = {}, all = [];
    for (const ring of data.boundary) {
      L.polyline(ring, { color: colour.ink, weight: 2.5, dashArray: "12 4 3 4", interactive: false }).addTo(map);
      all.push(...ring);
    }
    for (const mark of data.points) {
      all.push(mark.at);
      if (!mark.from) continue;
      all.push(mark.from);
      L.polyline([mark.from, mark.at], { color: colour.warn, weight: 2.5, interactive: false }).addTo(map);
      new Mark(mark.from, { radius: 4, mark: { k: "before", c: "" }, colour, interactive: false }).addTo(map);
    }
    // what changes lies on top
    for (const mark of data.points.slice().sort((a, b) => (a.k === "same" ? 0 : 1) - (b.k === "same" ? 0 : 1))) {
      const one = new Mark(mark.at, { radius: 13, mark, colour, named: false, bubblingMouseEvents: false }).addTo(map);
      if (box.dataset.pick) one.on("click", () => fill({ code: mark.c }));
      one.bindPopup(() => told(mark));
      marks.push(one);
      counts[mark.k] = (counts[mark.k] || 0) + 1;
    }
    if (all.length) map.fitBounds(all, { padding: [30, 30], maxZoom: 20, animate: false });
    name();
    map.on("zoomend", name);
    if (data.left) {
      const note = Object.assign(document.createElement("p"), { className: "muted sm", textContent: box.dataset.left.replace("{n}", data.left) });
      box.after(note);
    }
    box.dataset.shapes = JSON.stringify(counts);
    box.dataset.state = "ready";
  }

  function name() {
    // codes only where they cover nothing; what changes is asked first
    if (marks.length > 400) return;
    const taken = [], hit = (a) => taken.some((b) => b.of !== a.of && a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1);
    for (const one of marks) {
      const { x, y } = map.latLngToLayerPoint(one.getLatLng());
      taken.push({ of: one, x0: x - 9, x1: x + 9, y0: y - 9, y1: y + 9 });
    }
    for (const one of marks.slice().reverse()) {
      const { x, y } = map.latLngToLayerPoint(one.getLatLng()), half = 4 * one.options.mark.c.length;
      const place = { of: one, x0: x - half, x1: x + half, y0: y + 12, y1: y + 25 };
      one.options.named = one.options.mark.k !== "same" || !hit(place);
      if (one.options.named) taken.push(place);
      one.redraw();
    }
  }

  // --- picking a position -------------------------------------------------------------------------------------------

  let picked = null;
  const input = (id) => document.getElementById(id);

  function fill(values) {
    for (const [id, value] of Object.entries(values)) {
      const there = input(id);
      if (there && !(id === "code" && document.querySelector("[name=op]").value === "add")) there.value = value;
    }
  }

  function pick(at) {
    if (!input("lon")) return;
    fill({ lon: at.lng.toFixed(7), lat: at.lat.toFixed(7), northing: "", easting: "" });
    show();
  }

  function show() {
    if (!input("lon")) return;
    const at = [Number(input("lat").value), Number(input("lon").value)];
    if (picked) picked.remove();
    picked = null;
    if (!input("lat").value || !input("lon").value || at.some((x) => !Number.isFinite(x)) || Math.abs(at[0]) > 90) return;
    picked = new Mark(at, { radius: 12, mark: { k: "picked", c: "" }, colour, interactive: false }).addTo(map);
    box.dataset.picked = at.join(",");
  }

  if (box.dataset.pick) {
    for (const hint of document.querySelectorAll("#where .js")) hint.hidden = false;
    map.on("click", (event) => pick(event.latlng));
    for (const id of ["lon", "lat"]) if (input(id)) input(id).addEventListener("change", show);
  }

  fetch(box.dataset.src, { credentials: "same-origin" })
    .then((answer) => {
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    })
    .then((data) => { put(data); if (box.dataset.pick) show(); })
    .catch(() => {
      box.dataset.state = "failed";
      box.appendChild(Object.assign(document.createElement("p"), { className: "note", textContent: box.dataset.failed }));
    });
})();
