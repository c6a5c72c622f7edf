// Keeps the page fresh: by a stream of the parts that changed, or by asking for the page again.  Without it the page reloads itself.
"use strict";
(() => {
  const { stream, refresh, token } = document.body.dataset;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const pause_ms = 1000 * Number(refresh || 1) * (calm ? 5 : 1);
  const patience_ms = 6000; // of a stream, in which something comes every second
  const lost = document.getElementById("lost");
  const waiting = new Map(); // parts that could not be exchanged yet, or not so soon
  let source = null, heard_ms = 0, exchanged_ms = -Infinity;

  function exchange(id, fill) {
    const here = document.getElementById(id);
    if (!here) return true;
    // What somebody is about to press, or has opened to read, must not be taken from under the finger.
    if (here.contains(document.activeElement) || here.querySelector("details[open]")) return false;
    fill(here);
    return true;
  }

  function show() {
    const now_ms = performance.now();
    const rests = calm && now_ms - exchanged_ms < pause_ms;
    if (!rests) exchanged_ms = now_ms;
    for (const [id, html] of waiting) {
      if (rests && id !== "wake") continue;
      const done = exchange(id, (here) => {
        const part = document.createElement("template");
        part.innerHTML = html;
        for (const field of part.content.querySelectorAll('input[name="form_token"]')) field.setAttribute("value", token);
        if (here.innerHTML !== part.innerHTML) here.replaceChildren(part.content);
      });
      if (done) waiting.delete(id);
    }
  }

  function watch() {
    heard_ms = performance.now();
    source = new EventSource(stream);
    source.onopen = () => { heard_ms = performance.now(); };
    source.onmessage = (event) => {
      heard_ms = performance.now();
      lost.hidden = true;
      for (const [id, html] of Object.entries(JSON.parse(event.data))) waiting.set(id, html);
      show();
    };
    source.addEventListener("gone", () => location.reload()); // paired no more
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
      source = null;
      ask().then(() => setTimeout(resume, 5 * pause_ms)); // refused, or as many watch as can be served
    };
  }

  function rest() {
    source?.close();
    source = null;
  }

  function resume() {
    if (!document.hidden && !source) watch();
  }

  async function ask() {
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (answer.redirected) return location.assign(answer.url); // paired just now, or no more
      if (!answer.ok) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of page.querySelectorAll("[data-live]")) {
        exchange(part.id, (here) => {
          if (here.innerHTML !== part.innerHTML) here.replaceChildren(...part.childNodes);
        });
      }
      lost.hidden = true;
    } catch {
      lost.hidden = false;
    }
  }

  async function again() {
    if (!document.hidden) await ask();
    setTimeout(again, pause_ms);
  }

  if (stream) {
    document.addEventListener("visibilitychange", () => (document.hidden ? rest() : resume()));
    setInterval(() => {
      if (source && performance.now() - heard_ms > patience_ms) lost.hidden = false;
      show();
    }, 1000);
    resume();
  } else {
    setTimeout(again, pause_ms);
  }
})();
