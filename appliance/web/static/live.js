// Keeps the page fresh by asking for it again and exchanging the parts that changed.  Without it the page reloads itself.
"use strict";
(() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const pause_ms = 1000 * Number(document.body.dataset.refresh) * (calm ? 5 : 1);
  const lost = document.getElementById("lost");

  async function refresh() {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(5000) });
        if (answer.redirected) return location.assign(answer.url); // paired just now, or no more
        if (!answer.ok) throw new Error(answer.statusText);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of page.querySelectorAll("[data-live]")) {
          const here = document.getElementById(part.id);
          if (!here || here.innerHTML === part.innerHTML) continue;
          // What somebody is about to press, or has opened to read, must not be taken from under the finger.
          if (here.contains(document.activeElement) || here.querySelector("details[open]")) continue;
          here.replaceChildren(...part.childNodes);
        }
        lost.hidden = true;
      } catch {
        lost.hidden = false;
      }
    }
    setTimeout(refresh, pause_ms);
  }

  setTimeout(refresh, pause_ms);
})();
