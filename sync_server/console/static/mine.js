"use strict";
// The camera over the photo before, and what was typed kept while the page is open. Without script photos are chosen as files.
(() => {
  const form = document.getElementById("reporting");
  const box = document.getElementById("camera");
  if (!form) return;

  // --- what was typed ------------------------------------------------------------------------------------------------
  const key = `mine ${form.dataset.keep}`;
  const store = (() => { try { return sessionStorage; } catch { return null; } })();
  const typed = [...form.querySelectorAll("textarea, input[name=cost_yuan], input[name=done]")];
  if (store && form.dataset.sentWell) store.removeItem(key);
  try {
    const kept = JSON.parse((store && store.getItem(key)) || "{}");
    for (const field of typed) {
      if (field.type === "radio") field.checked ||= kept[field.name] === field.value;
      else if (!field.value && typeof kept[field.name] === "string") field.value = kept[field.name];
    }
  } catch { /* what cannot be read is not there */ }
  form.addEventListener("input", () => {
    const now = {};
    for (const field of typed) if (field.type !== "radio" || field.checked) now[field.name] = field.value;
    try { if (store) store.setItem(key, JSON.stringify(now)); } catch { /* full: nothing is lost but this help */ }
  });

  // --- photos taken here -----------------------------------------------------------------------------------------------
  const most = Number(form.dataset.most);
  const chosen = document.getElementById("photos"), input = document.getElementById("shots"), list = document.getElementById("taken");
  const began = performance.now();
  const serverNow = () => Number(form.dataset.now) + Math.round(performance.now() - began); // by the clock nobody sets
  let shots = [], made = 0;

  function entered() {
    const files = new DataTransfer();
    for (const old of form.querySelectorAll("input[name=meta]")) old.remove();
    list.replaceChildren();
    shots.forEach((shot, n) => {
      files.items.add(shot.file);
      const meta = Object.assign(document.createElement("input"), { type: "hidden", name: "meta", value: JSON.stringify(shot.meta) });
      form.append(meta);
      const item = document.createElement("li"), drop = document.createElement("button");
      Object.assign(drop, { type: "button", className: "btn sm", textContent: form.dataset.drop });
      drop.addEventListener("click", () => { shots = shots.filter((s) => s !== shot); entered(); });
      item.append(shot.small, form.dataset.shot.replace("{n}", String(n + 1)), drop);
      list.append(item);
    });
    input.files = files.files;
    list.hidden = !shots.length;
    for (const open of document.querySelectorAll("[data-over]")) open.disabled = shots.length >= most;
  }

  // too many: said here, before everything was uploaded
  function counted() {
    const many = shots.length + chosen.files.length > most;
    chosen.setCustomValidity(many ? form.dataset.full : "");
    return !many;
  }
  chosen.addEventListener("change", counted);
  form.addEventListener("submit", (event) => {
    if (!counted()) { event.preventDefault(); chosen.reportValidity(); return; }
    const send = form.querySelector(".send");
    send.lastChild.textContent = form.dataset.sending;
  });

  if (!box || !navigator.mediaDevices || !navigator.mediaDevices.getUserMedia || typeof box.showModal !== "function") return;
  for (const open of document.querySelectorAll("[data-over]")) open.hidden = false;

  const video = box.querySelector("video"), canvas = box.querySelector("canvas"), ghost = box.querySelector(".ghost");
  const where = box.querySelector(".where span"), arrow = box.querySelector(".arrow"), strength = box.querySelector("input[type=range]");
  const key_ = (name) => box.querySelector(`button[value=${name}]`);
  let stream = null, watching = null, fix = null, heading = null, over = null, target = null, moment = 0;

  const rad = (deg) => (deg * Math.PI) / 180;
  function way(a, b) { // metres and degrees from a to b, each [lat, lon]
    const dLat = rad(b[0] - a[0]), dLon = rad(b[1] - a[1]);
    const h = Math.sin(dLat / 2) ** 2 + Math.cos(rad(a[0])) * Math.cos(rad(b[0])) * Math.sin(dLon / 2) ** 2;
    const y = Math.sin(dLon) * Math.cos(rad(b[0]));
    const x = Math.cos(rad(a[0])) * Math.sin(rad(b[0])) - Math.sin(rad(a[0])) * Math.cos(rad(b[0])) * Math.cos(dLon);
    return [12742017.6 * Math.asin(Math.min(1, Math.sqrt(h))), (Math.atan2(y, x) * 180 / Math.PI + 360) % 360];
  }

  function guided() {
    arrow.hidden = true;
    if (!target) { where.textContent = box.dataset.noTarget; return; }
    if (!fix) { where.textContent = box.dataset.noPlace; return; }
    const [metres, bearing] = way([fix.lat, fix.lon], target);
    const said = metres < 10 ? metres.toFixed(1) : String(Math.round(metres));
    const there = metres <= Math.max(2, Math.min(fix.acc, 10));
    const names = box.dataset.compass.split(",");
    const text = there ? box.dataset.there : box.dataset.away;
    where.textContent = `${text.replace("{n}", said).replace("{dir}", names[Math.round(bearing / 45) % 8])} · ${box.dataset.acc.replace("{n}", String(Math.round(fix.acc)))}`;
    if (!there && heading !== null) {
      arrow.hidden = false;
      arrow.style.transform = `rotate(${bearing - heading}deg)`;
    }
  }

  function turned(event) {
    const found = typeof event.webkitCompassHeading === "number" ? event.webkitCompassHeading
      : event.absolute && typeof event.alpha === "number" ? 360 - event.alpha : null;
    if (found === null) return;
    const screenTurn = (screen.orientation && screen.orientation.angle) || 0;
    heading = (found + screenTurn + 360) % 360;
    guided();
  }

  function phase(taken) {
    video.hidden = taken;
    canvas.hidden = !taken;
    for (const [name, shown] of [["take", !taken], ["stop", !taken], ["use", taken], ["again", taken]]) key_(name).hidden = !shown;
  }

  async function opened(button) {
    over = button.dataset.over;
    const place = button.dataset.target.split(",").map(Number);
    target = place.length === 2 && place.every(Number.isFinite) ? place : null;
    ghost.src = button.dataset.src;
    fix = heading = null;
    phase(false);
    box.showModal();
    key_("take").disabled = true;
    guided();
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false, video: { facingMode: { ideal: "environment" }, width: { ideal: 2560 }, height: { ideal: 1920 } },
      });
    } catch {
      closed();
      for (const open of document.querySelectorAll("[data-over]")) open.hidden = true;
      const told = Object.assign(document.createElement("p"), { className: "t-warn", textContent: box.dataset.noCamera });
      told.setAttribute("role", "alert");
      chosen.before(told);
      chosen.focus();
      return;
    }
    if (!box.open) { stopped(); return; } // closed while the browser asked
    video.srcObject = stream;
    await video.play().catch(() => {});
    key_("take").disabled = false;
    if (navigator.geolocation) {
      watching = navigator.geolocation.watchPosition((p) => {
        fix = { lat: p.coords.latitude, lon: p.coords.longitude, acc: p.coords.accuracy, at: serverNow() };
        guided();
      }, () => { fix = null; guided(); }, { enableHighAccuracy: true, maximumAge: 2000 });
    }
    const asks = window.DeviceOrientationEvent && DeviceOrientationEvent.requestPermission;
    if (asks) DeviceOrientationEvent.requestPermission().catch(() => {});
    addEventListener("deviceorientationabsolute", turned);
    addEventListener("deviceorientation", turned);
  }

  function stopped() {
    if (stream) for (const track of stream.getTracks()) track.stop();
    stream = video.srcObject = null;
    if (watching !== null) navigator.geolocation.clearWatch(watching);
    watching = null;
    removeEventListener("deviceorientationabsolute", turned);
    removeEventListener("deviceorientation", turned);
  }

  function closed() {
    stopped();
    if (box.open) box.close();
  }

  function took() {
    if (!video.videoWidth) return;
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    moment = serverNow();
    phase(true);
  }

  function used() {
    const meta = { name: `shot-${Date.now()}-${++made}.jpg`, over, at: moment };
    if (fix) Object.assign(meta, { lon: fix.lon, lat: fix.lat, acc: fix.acc, fix_at: fix.at });
    if (heading !== null) meta.heading = heading;
    const small = document.createElement("canvas");
    small.width = 240;
    small.height = Math.max(1, Math.round((240 * canvas.height) / canvas.width));
    small.getContext("2d").drawImage(canvas, 0, 0, small.width, small.height);
    canvas.toBlob((blob) => {
      if (!blob) return;
      shots.push({ file: new File([blob], meta.name, { type: "image/jpeg" }), meta, small });
      entered();
      counted();
      closed();
      list.scrollIntoView({ block: "center" });
    }, "image/jpeg", 0.92);
  }

  strength.addEventListener("input", () => { ghost.style.opacity = String(strength.value / 100); });
  key_("take").addEventListener("click", took);
  key_("again").addEventListener("click", () => phase(false));
  key_("use").addEventListener("click", used);
  key_("stop").addEventListener("click", closed);
  box.addEventListener("close", stopped);
  addEventListener("pagehide", closed);
  for (const open of document.querySelectorAll("[data-over]")) open.addEventListener("click", () => opened(open));
})();
