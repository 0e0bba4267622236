"use strict";
// The map of planned and actual points: Leaflet's canvas, the symbols of charts/ and maps/legend.py. On the map page also what
// stands beside the points, a card for the chosen one, and the base map, if the server has one.
(() => {
  let shown = null;

  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const fills = { done: "done", partial: "active", extra: "warn", screening: "warn", intervention: "alert", returned: "alert" };
  const stands = { late: "alert", trouble: "alert", way: "active", received: "done", planned: "planned" };
  const LONGEST = 14; // characters of a name on the map
  const phone = () => matchMedia("(max-width: 900px)").matches;
  const brief = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
  const wide = (text) => [...text].reduce((sum, c) => sum + (c > "\u2e80" ? 12 : 7), 0);

  const Mark = L.CircleMarker.extend({
    _updatePath() {
      this._renderer._drawMark(this);
    },
    // the code below a mark belongs to it: else it is cut off where only a part is drawn anew
    _updateBounds() {
      L.CircleMarker.prototype._updateBounds.call(this);
      this._pxBounds.extend(this._point.add([-110, -26])).extend(this._point.add([110, 42]));
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
    } else if (s === "returned") {
      square(ctx, colour.alert, ground, false);
      stroke(ctx, [[0, -4], [-4, 0], [0, 4]], colour.alert, 1.8);
      stroke(ctx, [[-4, 0], [4, 0]], colour.alert, 1.8);
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

  function square(ctx, edge, ground, dashed) {
    ctx.beginPath();
    ctx.roundRect(-9, -9, 18, 18, 3);
    ctx.fillStyle = ground;
    ctx.fill();
    ctx.setLineDash(dashed ? [3, 2] : []);
    ctx.strokeStyle = edge;
    ctx.lineWidth = 2;
    ctx.stroke();
    ctx.setLineDash([]);
  }

  function drawEnd(ctx, mark, colour) {
    const edge = colour[mark.k === "out" ? (mark.s === "late" ? "alert" : "planned") : stands[mark.s]];
    square(ctx, edge, colour.surface, mark.k === "due");
    if (mark.k === "out") {
      stroke(ctx, [[-4, 4], [4, -4]], edge, 2);
      stroke(ctx, [[-1.5, -4], [4, -4], [4, 1.5]], edge, 2);
    } else if (mark.k === "way") {
      disc(ctx, 3, edge, edge, 1);
    } else if (mark.k === "due") {
      stroke(ctx, [[0, -4.5], [0, 0.5], [3.5, 2.5]], edge, 2);
    } else {
      stroke(ctx, [[0, -5], [0, 3]], edge, 1.8);
      stroke(ctx, [[-3.5, 0], [0, 3.5], [3.5, 0]], edge, 1.8);
      stroke(ctx, [[-4.5, 6], [4.5, 6]], edge, 1.8);
    }
    if (mark.n > 1) words(ctx, String(mark.n), 0, 11, colour);
  }

  function drawProblem(ctx, s, colour) {
    if (s === "check") {
      square(ctx, colour.active, colour.surface, false);
      for (const [y, x] of [[-3.5, 4], [0, 4], [3.5, 1]]) stroke(ctx, [[-4, y], [x, y]], colour.active, 1.8);
      return;
    }
    path(ctx, [[0, -11], [11, 0], [0, 11], [-11, 0]]);
    ctx.closePath();
    ctx.fillStyle = colour[{ grave: "alert", open: "warn", closed: "done" }[s]];
    ctx.fill();
    ctx.strokeStyle = colour.surface;
    ctx.lineWidth = 1.5;
    ctx.stroke();
    if (s === "closed") stroke(ctx, [[-4, 0], [-1, 3.5], [4, -3]], colour.surface, 2);
    else {
      stroke(ctx, [[0, -5.5], [0, 1.5]], colour.surface, 2.2);
      stroke(ctx, [[0, 4], [0, 5.5]], colour.surface, 2.2);
    }
  }

  function words(ctx, text, x, y, colour, size = 12, quiet = false) {
    ctx.setLineDash([]);
    ctx.font = `${quiet ? 400 : 700} ${size}px ${colour.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    ctx.strokeStyle = quiet ? colour.sunken : colour.paper;
    ctx.lineWidth = 4;
    ctx.lineJoin = "round";
    ctx.strokeText(text, x, y);
    ctx.fillStyle = quiet ? colour["ink-2"] : colour.ink;
    ctx.fillText(text, x, y);
  }

  function dashedRing(ctx, r, colour) {
    ctx.setLineDash([4, 3]);
    ctx.beginPath();
    ctx.arc(0, 0, r, 0, 2 * Math.PI);
    ctx.strokeStyle = colour;
    ctx.lineWidth = 2;
    ctx.stroke();
    ctx.setLineDash([]);
  }

  L.Canvas.include({
    _drawMark(layer) {
      if (!this._drawing || layer._empty()) return;
      const { mark, colour, kind } = layer.options, ctx = this._ctx;
      ctx.save();
      ctx.setLineDash([]); // the boundary leaves its own behind
      ctx.translate(layer._point.x, layer._point.y);
      if (kind === "heap") {
        const r = layer._radius - 2;
        disc(ctx, r, colour.surface, colour[fills[mark.s]] || colour.planned, 3);
        ctx.fillStyle = colour.ink;
        ctx.font = `700 12px ${colour.font}`;
        ctx.textAlign = "center";
        ctx.textBaseline = "middle";
        ctx.fillText(String(mark.n), 0, 0);
        ctx.translate(r * 0.8, -r * 0.8); // the worst of them by its shape, too
        ctx.scale(0.6, 0.6);
        draw(ctx, mark.s, colour);
      } else if (kind === "ring") {
        disc(ctx, 4, colour.surface, colour.planned, 2);
      } else if (kind === "end") {
        drawEnd(ctx, mark, colour);
      } else if (kind === "problem") {
        drawProblem(ctx, mark.s, colour);
      } else if (kind === "label") {
        if (layer.options.room()) words(ctx, mark.c, 0, -6, colour, 12, true);
      } else {
        const chosen = shown && shown.at && shown.at === (mark.k || mark.c);
        if (chosen) disc(ctx, 17, colour.primarySoft, colour.primary, 3);
        draw(ctx, mark.s, colour);
        if (mark.w) dashedRing(ctx, chosen ? 21 : 14, colour.active);
        if (chosen) words(ctx, brief(mark.c), 0, mark.w ? 24 : 20, colour, 14);
        else if (layer.options.named) words(ctx, brief(mark.c), 0, 12, colour);
      }
      ctx.restore();
    },
  });

  function told(mark, box, name) {
    // text only, never markup: codes are typed by people
    const out = document.createElement("div");
    const add = (tag, text) => out.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
    const [first, ...rest] = name ? [name, ...mark.t] : mark.t;
    add("b", first);
    rest.forEach((line) => add("p", line));
    if (mark.u) add("a", box.dataset.open).href = mark.u;
    if (!mark.r) return out;
    const link = add("a", box.dataset.open);
    const here = document.getElementById(mark.r);
    link.href = here ? `#${mark.r}` : `${box.dataset.page}?q=${encodeURIComponent(mark.c)}#points`;
    return out;
  }

  function start(box) {
    if (shown) shown.map.remove();
    box.textContent = "";
    const coarse = matchMedia("(pointer: coarse)").matches;
    const renderer = L.canvas({ tolerance: coarse ? 10 : 2 });
    const map = L.map(box, { renderer, preferCanvas: true, attributionControl: false, zoomSnap: 0.5, maxZoom: 24, minZoom: 3, zoomAnimation: false });
    L.control.scale({ imperial: false }).addTo(map);
    const group = () => L.layerGroup().addTo(map);
    shown = { map, box, renderer, ground: group(), beside: group(), layer: group(), whole: false, marks: new Map(), asked: 0, at: box.dataset.at || "", counts: {} };
    map.setView([32, 119], 10);
    load(shown, true);
    map.on("zoomend", () => shown && shown.map === map && name(shown));
    map.on("moveend", () => shown && shown.map === map && !shown.whole && load(shown, false));
  }

  // Leaflet's own way to give up a tile is an image out of a data: address, which the policy of our pages forbids.
  const Paper = L.TileLayer.extend({
    _removeTile(key) {
      if (this._tiles[key]) this._drop(this._tiles[key].el);
      return L.GridLayer.prototype._removeTile.call(this, key);
    },
    _abortLoading() {
      for (const [key, { coords, el }] of Object.entries(this._tiles)) {
        if (coords.z === this._tileZoom || el.complete) continue;
        this._drop(el);
        el.remove();
        delete this._tiles[key];
      }
    },
    _drop(el) {
      el.onload = el.onerror = null;
      el.removeAttribute("src");
    },
  });

  function paper({ map, box }) {
    // the base map, through our own server; when it does not come the map goes on without
    let came = 0, failed = 0;
    const layers = (box.dataset.tiles || "").split(",").filter(Boolean).map((layer) => new Paper(`${box.dataset.tilesAt}${layer}/{z}/{x}/{y}`, { minNativeZoom: 1, maxNativeZoom: 18, maxZoom: 24 }));
    const told = (state) => (box.dataset.base = state);
    for (const layer of layers) {
      layer.on("tileload", () => told("ready", (came += 1)));
      layer.on("tileerror", () => {
        failed += 1;
        if (failed < 4 || came > failed) return;
        if (!came) layers.forEach((one) => one.remove());
        const note = document.getElementById("base-note");
        if (note) {
          note.textContent = box.dataset.tilesFailed;
          note.classList.add("t-warn");
        }
        told("failed");
      });
      layer.addTo(map);
    }
  }

  async function load(view, first) {
    const { map, box } = view, mine = ++view.asked;
    const area = first ? "" : `&box=${map.getBounds().toBBoxString()}`;
    const at = first && view.at ? `&at=${encodeURIComponent(view.at)}` : "";
    try {
      const answer = await fetch(`${box.dataset.src}${area}${at}&zoom=${Math.round(first ? 0 : map.getZoom())}`, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const data = await answer.json();
      if (view !== shown || mine !== view.asked) return;
      view.whole = data.whole;
      if (first) {
        const near = (box.dataset.fit === "wide" && data.wide) || data.bounds || data.wide;
        lay(view, data);
        if (data.focus && !data.whole) map.setView(data.focus.at, 19, { animate: false });
        else if (near) map.fitBounds(near, { padding: [36, 36], maxZoom: 20, animate: false });
        paper(view);
        if (!data.whole) return; // moveend asks again, now for what is in view
      }
      put(view, data);
      if (!box.dataset.card && !box.dataset.quiet && first) focus(view, box.dataset.at);
      if (box.dataset.card && !view.found) reveal(view);
    } catch (err) {
      if (view !== shown) return;
      box.dataset.state = "failed";
      const note = box.querySelector(".note") || box.appendChild(Object.assign(document.createElement("p"), { className: "note" }));
      note.textContent = box.dataset.failed;
    }
  }

  function inks() {
    const colour = { font: ink("font"), primarySoft: ink("primary-soft") };
    for (const name of ["surface", "sunken", "line", "line-strong", "paper", "ink", "ink-2", "planned", "active", "done", "warn", "alert", "primary"]) colour[name] = ink(name);
    return colour;
  }

  function lay(view, data) {
    // what stays as it is when the map moves: the ground, the ways of the loads and their ends, what inspections found
    const { ground, beside, map, box } = view, colour = inks(), counts = (view.counts = {});
    const count = (name) => (counts[name] = (counts[name] || 0) + 1);
    const bare = !box.dataset.tiles;
    for (const rings of data.boundary) {
      L.polygon(rings, { color: colour.ink, weight: 2.5, dashArray: "12 4 3 4", interactive: false, fill: bare, fillColor: colour.surface, fillOpacity: 1 }).addTo(ground);
      count("boundary");
    }
    for (const zone of data.zones || []) {
      const area = L.polygon(zone.r, { color: colour["line-strong"], weight: 1.5, interactive: false, fillColor: colour.sunken, fillOpacity: bare ? 1 : 0.3 }).addTo(ground);
      const c = brief(zone.c);
      const room = () => area._pxBounds && area._pxBounds.getSize().x > wide(c) + 8;
      new Mark(area.getBounds().getCenter(), { radius: 1, kind: "label", mark: { c }, colour, room, interactive: false }).addTo(ground);
      count("zone");
    }
    for (const road of data.roads || []) {
      const late = road.s === "late" || road.s === "trouble";
      L.polyline(road.line || [road.a, road.b], { color: colour[stands[road.s]], weight: late ? 3 : 2, dashArray: (road.line ? road.s !== "planned" : road.s === "received") ? null : "8 6", interactive: false }).addTo(beside);
      count(`road_${road.s}`);
    }
    for (const mark of (data.ends || []).slice().reverse()) {
      new Mark(mark.at, { radius: 12, kind: "end", mark, colour }).addTo(beside).bindPopup(() => told(mark, box));
      count(`${mark.k}_${mark.s}`);
    }
    for (const mark of (data.problems || []).slice().reverse()) {
      new Mark(mark.at, { radius: 12, kind: "problem", mark, colour }).addTo(beside).bindPopup(() => told(mark, box, mark.c));
      count(`problem_${mark.s}`);
    }
  }

  function put(view, data) {
    const { layer, map, box } = view, counts = { ...view.counts }, colour = inks();
    const count = (name) => (counts[name] = (counts[name] || 0) + 1);
    layer.clearLayers();
    view.marks.clear();
    for (const mark of data.points) {
      if (!mark.a || !mark.p || !mark.t) continue;
      const line = { color: mark.m ? colour.warn : colour.planned, weight: mark.m ? 3 : 1.5, interactive: false };
      L.polyline([mark.p, mark.a], line).addTo(layer);
      new Mark(mark.p, { radius: 4, kind: "ring", mark: {}, colour, interactive: false }).addTo(layer);
      if (mark.m) count("moved");
      count("plan");
    }
    for (const mark of data.points.slice().reverse()) { // the worst comes first and is drawn last
      const one = new Mark(mark.a || mark.p, { radius: 12, kind: "point", mark, colour, named: false }).addTo(layer);
      if (box.dataset.card) one.on("click", () => choose(view, mark.k || mark.c));
      else one.bindPopup(() => told(mark, box, mark.c));
      view.marks.set(mark.k || mark.c, one);
      count(mark.s);
    }
    for (const mark of data.clusters) {
      const one = new Mark(mark.at, { radius: Math.min(26, 12 + 4 * Math.log10(mark.n)), kind: "heap", mark, colour }).addTo(layer);
      one.on("click", () => {
        const { x, y } = map.project(mark.b[1], 24).subtract(map.project(mark.b[0], 24));
        if (map.getZoom() >= 24 || Math.abs(x) + Math.abs(y) < 8) location.hash = "points"; // one and the same place
        else map.fitBounds(mark.b, { padding: [40, 40], animate: false });
      });
      count("cluster");
    }
    raise(view);
    name(view);
    box.dataset.shapes = JSON.stringify(counts);
    box.dataset.state = "ready";
  }

  function raise(view) {
    const one = view.at && view.marks.get(view.at);
    if (one) one.bringToFront();
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
      const { x, y } = view.map.latLngToLayerPoint(one.getLatLng()), half = wide(brief(one.options.mark.c)) / 2;
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

  // --- the card of the map page ---

  function choose(view, key) {
    const there = new URL(location.href), before = view.at;
    if (key) there.searchParams.set("at", key);
    else there.searchParams.delete("at");
    there.hash = "";
    view.at = key;
    raise(view);
    for (const one of [before, key]) {
      const mark = one && view.marks.get(one);
      if (mark) mark.redraw();
    }
    for (const row of document.querySelectorAll("#points tr.sel")) row.classList.remove("sel");
    for (const link of document.querySelectorAll("#points a[data-at]")) if (link.dataset.at === key) link.closest("tr").classList.add("sel");
    history.replaceState(null, "", there);
    htmx.ajax("GET", there.pathname + there.search, { target: view.box.dataset.card, select: view.box.dataset.card, swap: "outerHTML" }).then(() => view === shown && reveal(view));
  }

  function reveal(view) {
    // on a phone the card covers the lower part: the chosen point goes above it
    const one = view.at && view.marks.get(view.at);
    if (!one) return;
    view.found = true;
    if (!phone()) return;
    document.getElementById("map").scrollIntoView();
    const top = view.box.getBoundingClientRect().top, card = document.querySelector(view.box.dataset.card);
    const free = Math.max(80, card.getBoundingClientRect().top - top);
    const { y } = view.map.latLngToContainerPoint(one.getLatLng());
    if (y < 24 || y > free - 40) view.map.panBy([0, y - free / 2], { animate: false });
  }

  function closed(event) {
    const close = event.target.closest("a[data-close]");
    if (!close || !shown || !shown.box.dataset.card) return false;
    event.preventDefault();
    choose(shown, "");
    shown.box.focus({ preventScroll: true });
    return true;
  }

  document.addEventListener("click", (event) => {
    // "see on the map" without loading the page again, where the point is already drawn
    if (event.ctrlKey || event.metaKey || event.shiftKey || closed(event)) return;
    const link = event.target.closest("a[data-at]");
    if (!link || !shown || !shown.marks.has(link.dataset.at)) return;
    event.preventDefault();
    document.getElementById("map").scrollIntoView();
    if (shown.box.dataset.card) {
      const at = shown.marks.get(link.dataset.at).getLatLng();
      if (!shown.map.getBounds().pad(-0.1).contains(at)) shown.map.panTo(at, { animate: false });
      choose(shown, link.dataset.at);
      return;
    }
    history.replaceState(null, "", link.href);
    focus(shown, link.dataset.at);
  });

  // A sheet of paper is narrower than the window: the same view, drawn anew to fit it, and back again.
  function sized(width, height, bounds) {
    const { map, box, renderer } = shown;
    Object.assign(box.style, { width, height });
    map.invalidateSize({ pan: false });
    map.fitBounds(bounds, { animate: false });
    renderer._redraw(); // now, not with the next frame: none comes before the paper
  }

  addEventListener("beforeprint", () => {
    if (!shown || shown.printed || !shown.box.isConnected) return;
    shown.printed = { centre: shown.map.getCenter(), zoom: shown.map.getZoom() };
    sized(shown.box.dataset.card ? "180mm" : "120mm", shown.box.dataset.card ? "140mm" : "100mm", shown.map.getBounds().pad(-0.08));
  });
  addEventListener("afterprint", () => {
    if (!shown || !shown.printed) return;
    const { centre, zoom } = shown.printed;
    shown.printed = null;
    Object.assign(shown.box.style, { width: "", height: "" });
    shown.map.invalidateSize({ pan: false });
    shown.map.setView(centre, zoom, { animate: false });
  });

  // on a phone the map comes first; filters stay open where one is set
  const fold = () => phone() && document.querySelectorAll("details.fold:not([data-keep])").forEach((one) => (one.open = false));

  function look() {
    const box = document.getElementById("leaflet");
    if (box && (!shown || shown.box !== box)) start(box, fold());
  }
  document.addEventListener("htmx:afterSettle", look);
  look();
})();
