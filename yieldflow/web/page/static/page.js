/* What makes the page live and quick. Everything works without it: it follows links and sends forms that are there.
   For other scripts of this folder: `yieldflow.onswap(function)` is called after the page has changed, and
   `yieldflow.swap(text)` changes it to what a document says. A page whose address has `at=` in it stands still. */
"use strict";

(() => {
  const PERIOD = 2000, LONGEST = 60000; // milliseconds between two looks, and at most while nobody answers
  const called = [];
  window.yieldflow = { onswap: (call) => called.push(call), swap };

  /* --- signing in by a link: the token is in the fragment, which is never sent; it does not stay in the address --- */

  const signIn = document.getElementById("sign-in");
  if (signIn && location.pathname.endsWith("/ui/sign-in") && location.hash.length > 1) {
    const token = spelled(location.hash.slice(1));
    history.replaceState(null, "", location.pathname + location.search);
    if (token) {
      signIn.elements.token.value = token;
      signIn.requestSubmit();
    }
  }

  function spelled(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return ""; // no link of ours has it
    }
  }

  /* --- live: asks for the same address again, and changes what has changed ---------------------------------------- */

  const main = document.getElementById("main");
  const sign = document.getElementById("live");
  let tag = null, wait = PERIOD, timer = null, asking = false;

  const isLive = () => sign && main.hasAttribute("data-live");

  function plan(after) {
    clearTimeout(timer);
    if (isLive() && document.visibilityState === "visible") timer = setTimeout(look, after);
  }

  async function look() {
    if (asking) return;
    const asked = location.href;
    if (new URL(asked).searchParams.has("at")) return plan(wait);
    asking = true;
    try {
      const headers = { "Yieldflow-Live": "1" };
      if (tag) headers["If-None-Match"] = tag;
      const reply = await fetch(asked, { headers, cache: "no-store", redirect: "error", signal: AbortSignal.timeout(15000) });
      if (reply.status === 200) {
        const text = await reply.text();
        if (location.href !== asked) return;
        swap(text);
        tag = reply.headers.get("ETag");
      } else if (reply.status === 404) {
        main.removeAttribute("data-live");
        return say("it is gone: load the page again", true);
      } else if (reply.status !== 304) {
        throw new Error(reply.status === 401 ? "signed out" : "not live");
      }
      wait = PERIOD;
      if (isLive()) say("live", false);
    } catch (error) {
      wait = Math.min(LONGEST, wait * 2);
      say(error.message === "signed out" ? "signed out: load the page again" : "not live", true);
    } finally {
      asking = false;
      plan(wait);
    }
  }

  function say(text, away) {
    sign.hidden = false;
    sign.classList.toggle("away", away);
    if (sign.textContent !== text) sign.textContent = text;
  }

  function swap(text) {
    const next = new DOMParser().parseFromString(text, "text/html");
    const fresh = next.getElementById("main");
    if (!fresh) return;
    if (document.title !== next.title) document.title = next.title;
    const focused = document.activeElement, now = outermost(main), then = outermost(fresh);
    if (now.map((one) => one.id).join("\n") !== then.map((one) => one.id).join("\n")) mend(main, fresh);
    else now.forEach((one, at) => mend(one, then[at]));
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true }); // it was moved
    main.toggleAttribute("data-live", fresh.hasAttribute("data-live")); // not what has ended, nor its past
    if (sign) sign.hidden = !isLive();
    plan(wait);
    called.forEach((call) => call());
  }

  const outermost = (root) => [...root.querySelectorAll("[id]")].filter((one) => !one.parentElement.closest("main [id]"));

  /* Makes an element what the other is, and leaves alone what is the same: focus, scroll, selection and what is typed
     stay. What people have opened or filled in stays as they left it; [data-kept] as a whole, for as long as it is there. */
  function mend(old, fresh) {
    if (old.isEqualNode(fresh) || (old.id && old.hasAttribute("data-kept"))) return;
    if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    const keeps = old.nodeName === "DETAILS" ? ["open"] : [];
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !keeps.includes(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !keeps.includes(name)) old.setAttribute(name, value);
    }
    mendChildren(old, fresh);
  }

  function mendChildren(old, fresh) {
    const staying = new Set([...fresh.children].map((one) => one.id));
    [...old.children].filter((one) => one.id && !staying.has(one.id)).forEach((one) => one.remove()); // so that none has to move
    const known = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const same = child.id ? known.get(child.id) : at && !at.id && at.nodeName === child.nodeName ? at : null;
      if (!same) {
        old.insertBefore(child, at);
      } else if (same === at) {
        at = at.nextSibling;
        mend(same, child);
      } else {
        old.insertBefore(same, at);
        mend(same, child);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  if (main && isLive()) {
    document.addEventListener("visibilitychange", () => plan(wait > PERIOD ? PERIOD : 0));
    say("live", false);
    plan(PERIOD);
  }

  /* --- questions as dialogs --------------------------------------------------------------------------------------- */

  let opening = false;

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-ask]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (opening) return;
    opening = true;
    ask(link).catch(() => location.assign(link.href)).finally(() => (opening = false));
  });

  async function ask(link) {
    const reply = await fetch(link.href, { cache: "no-store", redirect: "error" });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const form = page.querySelector("main form.question");
    if (!reply.ok || !form || form.id === "sign-in") throw new Error("no question");
    const dialog = document.createElement("dialog"), title = document.createElement("h2");
    title.textContent = page.querySelector("main h1").textContent;
    title.id = "asked";
    dialog.setAttribute("aria-labelledby", title.id);
    form.action = link.href;
    dialog.append(title, form);
    dialog.addEventListener("click", (event) => {
      const beside = event.target === dialog && event.detail < 2; // the second of two clicks was meant for the button
      if (beside || event.target.closest("[data-back]")) {
        event.preventDefault();
        dialog.close();
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      link.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
  }

  /* What is sent once is not sent again by a second press. */
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method === "get") return;
    setTimeout(() => event.target.querySelectorAll("button[type=submit]").forEach((one) => (one.disabled = true)));
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("button[type=submit]:disabled").forEach((one) => (one.disabled = false));
  });
})();
