"use strict";
// The map of planned and actual points: Leaflet's canvas, no base map, the symbols of charts.py.
(() => {
  let shown = null;

  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const fills = { done: "done", partial: "active", extra: "warn", screening: "warn", intervention: "alert" };

  const Mark = L.CircleMarker.extend({
    _updatePath() {
      this._renderer._drawMark(this);
    },
  });

  function path(ctx, points) {
    ctx.beginPath();
    points.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  }

  function stroke(ctx, points, colour, width) {
    path(ctx, points);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.stroke();
  }

  function disc(ctx, r, fill, edge, width) {
    ctx.beginPath();
    ctx.arc(0, 0, r, 0, 2 * Math.PI);
    ctx.fillStyle = fill;
    ctx.fill();
    ctx.strokeStyle = edge;
    ctx.lineWidth = width;
    ctx.stroke();
  }

  function draw(ctx, s, colour) {
    const ground = colour.surface;
    if (s === "screening" || s === "intervention") {
      path(ctx, [[0, -11], [11, 9], [-11, 9]]);
      ctx.closePath();
      ctx.fillStyle = colour[fills[s]];
      ctx.fill();
      ctx.strokeStyle = ground;
      ctx.lineWidth = 1.5;
      ctx.stroke();
      for (const y of s === "screening" ? [4] : [1.5, 6.5]) stroke(ctx, [[-4, y], [0, y - 4.5], [4, y]], ground, 1.8);
    } else if (s === "done") {
      disc(ctx, 9, colour.done, ground, 1.5);
      stroke(ctx, [[-4, 0], [-1, 3.5], [4, -3]], ground, 2);
    } else if (s === "extra") {
      disc(ctx, 9, colour.warn, ground, 1.5);
      stroke(ctx, [[-4, 0], [4, 0]], ground, 2);
      stroke(ctx, [[0, -4], [0, 4]], ground, 2);
    } else {
      disc(ctx, 7.5, ground, s === "partial" ? colour.active : colour.planned, 2);
      if (s === "refused") stroke(ctx, [[-5.3, -5.3], [5.3, 5.3]], colour.planned, 2);
      if (s === "cancelled") stroke(ctx, [[-4, 0], [4, 0]], colour.planned, 2);
      if (s === "partial") {
        ctx.beginPath();
        ctx.arc(0, 0, 7.5, -Math.PI / 2, Math.PI / 2);
        ctx.fillStyle = colour.active;
        ctx.fill();
      }
    }
  }

  L.Canvas.include({
    _drawMark(layer) {
      if (!this._drawing || layer._empty()) return;
      const { mark, colour } = layer.options, ctx = this._ctx;
      ctx.save();
      ctx.setLineDash([]); // the boundary leaves its own behind
      ctx.translate(layer._point.x, layer._point.y);
      if (mark.n) {
        disc(ctx, layer._radius - 2, colour.surface, colour[fills[mark.s]] || colour.planned, 3);
        ctx.fillStyle = colour.ink;
        ctx.font = `700 12px ${colour.font}`;
        ctx.textAlign = "center";
        ctx.textBaseline = "middle";
        ctx.fillText(String(mark.n), 0, 0);
      } else if (mark.ring) {
        disc(ctx, 4, colour.surface, colour.planned, 2);
      } else {
        draw(ctx, mark.s, colour);
        if (mark.w) {
          ctx.setLineDash([4, 3]);
          ctx.beginPath();
          ctx.arc(0, 0, 14, 0, 2 * Math.PI);
          ctx.strokeStyle = colour.active;
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
          ctx.strokeText(mark.c, 0, 12);
          ctx.fillStyle = colour.ink;
          ctx.fillText(mark.c, 0, 12);
        }
      }
      ctx.restore();
    },
  });

  function told(mark, box) {
    // text only, never markup: codes are typed by people
    const out = document.createElement("div");
    const add = (tag, text) => out.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
    add("b", mark.c);
    mark.t.forEach((line) => add("p", line));
    const link = add("a", box.dataset.open);
    const here = document.getElementById(mark.r);
    link.href = here ? `#${mark.r}` : `${box.dataset.page}?q=${encodeURIComponent(mark.c)}#points`;
    return out;
  }

  function start(box) {
    if (shown) shown.map.remove();
    box.textContent = "";
    const map = L.map(box, { preferCanvas: true, attributionControl: false, zoomSnap: 0.5, maxZoom: 24, minZoom: 3, zoomAnimation: false });
    L.control.scale({ imperial: false }).addTo(map);
    shown = { map, box, layer: L.layerGroup().addTo(map), whole: false, marks: new Map(), asked: 0 };
    map.setView([32, 119], 10);
    load(shown, true);
    map.on("zoomend", () => shown && shown.map === map && name(shown));
    map.on("moveend", () => shown && shown.map === map && !shown.whole && load(shown, false));
  }

  async function load(view, first) {
    const { map, box } = view, mine = ++view.asked;
    const area = first ? "" : `&box=${map.getBounds().toBBoxString()}`;
    try {
      const answer = await fetch(`${box.dataset.src}${area}&zoom=${Math.round(first ? 0 : map.getZoom())}`, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const data = await answer.json();
      if (view !== shown || mine !== view.asked) return;
      view.whole = data.whole;
      if (first) {
        if (data.bounds) map.fitBounds(data.bounds, { padding: [36, 36], maxZoom: 20, animate: false });
        if (!data.whole) return; // moveend asks again, now for what is in view
      }
      put(view, data);
      if (first) focus(view, box.dataset.at);
    } catch (err) {
      if (view !== shown) return;
      box.dataset.state = "failed";
      const note = box.querySelector(".note") || box.appendChild(Object.assign(document.createElement("p"), { className: "note" }));
      note.textContent = box.dataset.failed;
    }
  }

  function put(view, data) {
    const { layer, map, box } = view, counts = {};
    const colour = { font: ink("font") };
    for (const name of ["surface", "paper", "ink", "planned", "active", "done", "warn", "alert"]) colour[name] = ink(name);
    const count = (name) => (counts[name] = (counts[name] || 0) + 1);
    layer.clearLayers();
    view.marks.clear();
    for (const ring of data.boundary) {
      L.polyline(ring, { color: colour.ink, weight: 2.5, dashArray: "12 4 3 4", interactive: false }).addTo(layer);
      count("boundary");
    }
    for (const mark of data.points) {
      if (!mark.a || !mark.p || !mark.t) continue;
      const line = { color: mark.m ? colour.warn : colour.planned, weight: mark.m ? 3 : 1.5, interactive: false };
      L.polyline([mark.p, mark.a], line).addTo(layer);
      new Mark(mark.p, { radius: 4, mark: { ring: true }, colour, interactive: false }).addTo(layer);
      if (mark.m) count("moved");
      count("plan");
    }
    for (const mark of data.points.slice().reverse()) { // the worst comes first and is drawn last
      const one = new Mark(mark.a || mark.p, { radius: 12, mark, colour, named: false }).addTo(layer);
      one.bindPopup(() => told(mark, box));
      view.marks.set(mark.c, one);
      count(mark.s);
    }
    for (const mark of data.clusters) {
      const one = new Mark(mark.at, { radius: Math.min(26, 12 + 4 * Math.log10(mark.n)), mark, colour }).addTo(layer);
      one.on("click", () => map.fitBounds(mark.b, { padding: [40, 40], animate: false }));
      count("cluster");
    }
    name(view);
    box.dataset.shapes = JSON.stringify(counts);
    box.dataset.state = "ready";
  }

  function name(view) {
    // codes only where they cover nothing; the worst points are asked first
    const marks = [...view.marks.values()].reverse(), taken = [];
    if (marks.length > 300) return;
    const hit = (a) => taken.some((b) => b.of !== a.of && a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1);
    for (const one of marks) {
      const { x, y } = view.map.latLngToLayerPoint(one.getLatLng());
      taken.push({ of: one, x0: x - 9, x1: x + 9, y0: y - 9, y1: y + 9 });
    }
    for (const one of marks) {
      const { x, y } = view.map.latLngToLayerPoint(one.getLatLng()), half = 4 * one.options.mark.c.length;
      const place = { of: one, x0: x - half, x1: x + half, y0: y + 11, y1: y + 24 };
      one.options.named = !hit(place);
      if (one.options.named) taken.push(place);
      one.redraw();
    }
  }

  function focus(view, code) {
    const mark = code && view.marks.get(code);
    if (mark) mark.openPopup();
  }

  document.addEventListener("click", (event) => {
    // "see on the map" without loading the page again, where the point is already drawn
    const link = event.target.closest("a[data-at]");
    if (!link || !shown || !shown.marks.has(link.dataset.at)) return;
    event.preventDefault();
    history.replaceState(null, "", link.href);
    document.getElementById("map").scrollIntoView();
    focus(shown, link.dataset.at);
  });

  function look() {
    const box = document.getElementById("leaflet");
    if (box && (!shown || shown.box !== box)) start(box);
  }
  document.addEventListener("htmx:afterSettle", look);
  look();
})();
