(() => {
  "use strict";
  const EVERY_MS = 2000;
  const PARTS = ["memory-sum", "memory-bar", "memory-rows", "memory-queue"];

  const refresh = async () => {
    const answer = await fetch("/v1/memory", { headers: { accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of PARTS) {
      const old = document.getElementById(id);
      const now = fresh.getElementById(id);
      if (old && now && old.outerHTML !== now.outerHTML) old.replaceWith(document.adoptNode(now));
    }
  };

  const go = async () => {
    if (!document.hidden) {
      try {
        await refresh();
      } catch {
        const sum = document.getElementById("memory-sum");
        if (sum) sum.textContent = "The gateway does not answer; these are its last figures.";
      }
    }
    setTimeout(go, EVERY_MS);
  };
  go();
})();
