(() => {
  "use strict";
  const number = (text) => (text ? Number(text) : null);

  // one event to listeners of the page and to window.recoLog, whose errors do not reach the shopper
  const send = (type, item) => {
    const data = item.dataset;
    const root = item.closest("[data-reco]");
    const event = {
      type,
      slate_id: data.slateId,
      context: root ? root.dataset.context : "",
      product_id: data.productId,
      position: number(data.position),
      strategy: data.strategy,
      propensity: number(data.propensity),
      at: new Date().toISOString(),
    };
    item.dispatchEvent(new CustomEvent(`reco:${type}`, { bubbles: true, detail: event }));
    if (typeof window.recoLog === "function") {
      try { window.recoLog(event); } catch (error) { console.warn("recoLog:", error); }
    }
  };

  const seen = "IntersectionObserver" in window && new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && entry.intersectionRatio >= 0.5) {
        seen.unobserve(entry.target);
        send("impression", entry.target);
      }
    }
  }, { threshold: 0.5 });

  // a row that can be moved by buttons, and by the arrow keys, Home and End once the focus is in it
  const roll = (section) => {
    const track = section.querySelector(".reco-track");
    const bar = section.querySelector(".reco-buttons");
    if (!track || !bar) return;
    const items = [...track.querySelectorAll(".reco-item")];
    const backwards = () => (getComputedStyle(track).direction === "rtl" ? -1 : 1);
    const room = () => track.scrollWidth - track.clientWidth;
    const stride = () => (items.length > 1 ? Math.abs(items[1].offsetLeft - items[0].offsetLeft) : track.clientWidth);
    const move = (step, whole) => {
      const by = whole ? Math.max(1, Math.floor(track.clientWidth / stride() + 0.1)) : 1;
      track.scrollBy({ left: step * by * stride() * backwards() });
    };
    const show = () => {
      const at = Math.abs(track.scrollLeft);
      bar.hidden = room() < 2;
      bar.children[0].setAttribute("aria-disabled", at < 2);
      bar.children[1].setAttribute("aria-disabled", at > room() - 2);
    };
    bar.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button && button.getAttribute("aria-disabled") !== "true") move(Number(button.dataset.step), true);
    });
    track.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key] * backwards();
      if (!step) return;
      event.preventDefault();
      const links = items.map((item) => item.querySelector("a.reco-link")).filter(Boolean);
      const at = links.indexOf(document.activeElement);
      if (at >= 0) links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
      else if (Number.isFinite(step)) move(step * backwards(), false);
      else track.scrollTo({ left: event.key === "Home" ? 0 : room() * backwards() });
    });
    track.addEventListener("scroll", show, { passive: true });
    if ("ResizeObserver" in window) new ResizeObserver(show).observe(track);
    show();
  };

  // for modules that come later: window.recoStart(element)
  window.recoStart = (within) => {
    for (const root of within.querySelectorAll("[data-reco]:not([data-ready])")) {
      root.dataset.ready = "";
      root.querySelectorAll(".reco-section").forEach(roll);
      if (seen) root.querySelectorAll(".reco-item").forEach((item) => seen.observe(item));
      const clicked = (event) => {
        const hit = event.target.closest("a, button");
        const item = hit && hit.closest(".reco-item");
        if (item && event.button < 2) send("click", item);
      };
      root.addEventListener("click", clicked);
      root.addEventListener("auxclick", clicked);
    }
  };
  window.recoStart(document);
})();
