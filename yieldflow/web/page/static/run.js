/* Travelling through the history of a run without loading the page anew. Without it the slider is a form, and the
   buttons are links. */
"use strict";

(() => {
  const PAUSE = 60; // milliseconds without a move before a moment is asked for
  const root = document.documentElement;
  const slider = () => document.getElementById("at");
  let timer = null, under = null; // the request that is under way

  if (!document.getElementById("run-travel") || !window.yieldflow.swap) return;
  root.classList.add("scripted");
  mark();
  window.yieldflow.onswap(settle);

  document.addEventListener("input", (event) => {
    if (event.target !== slider()) return;
    clearTimeout(timer);
    timer = setTimeout(() => go(moment(slider().value)), PAUSE);
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-swap]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(link.href);
  });

  document.addEventListener("keydown", (event) => {
    if (event.target !== document.body || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const input = slider();
    if (!step || !input) return;
    event.preventDefault();
    input.focus({ preventScroll: true });
    input.value = Number(input.value) + step;
    clearTimeout(timer);
    timer = setTimeout(() => go(moment(input.value)), PAUSE);
  });

  function moment(position) {
    const to = new URL(slider().dataset.travel, location.href);
    to.searchParams.set("at", position);
    return to.href;
  }

  /* The last one that was asked for is shown; those before it are called off. */
  async function go(href) {
    clearTimeout(timer);
    timer = null;
    if (under) under.abort();
    const mine = (under = new AbortController());
    const to = new URL(href);
    history.replaceState(null, "", to);
    mark();
    root.classList.add("travelling");
    try {
      const reply = await fetch(to.pathname + to.search, { headers: { "Yieldflow-Live": "1" }, cache: "no-store", redirect: "error", signal: mine.signal });
      if (!reply.ok) throw new Error(reply.status);
      const text = await reply.text();
      if (under !== mine) return;
      under = null;
      window.yieldflow.swap(text);
      show(to.hash);
    } catch {
      if (under !== mine) return; // it was called off
      under = null;
      location.reload(); // the address is that of the moment already
    } finally {
      if (!under) root.classList.remove("travelling");
    }
  }

  /* A moment of the past is not live. */
  function mark() {
    root.classList.toggle("past", new URL(location.href).searchParams.has("at"));
  }

  /* The slider stands where the page does, unless it is being moved. */
  function settle() {
    const input = slider();
    if (input && timer === null && !under) input.value = input.getAttribute("value");
  }

  function show(hash) {
    const target = hash && document.getElementById(hash.slice(1));
    if (!target) return;
    const { top, bottom } = target.getBoundingClientRect();
    if (bottom < 120 || top > innerHeight) target.scrollIntoView({ block: "center" });
  }
})();
