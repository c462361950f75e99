// The API key of a server that asks for one: kept for as long as the tab is open, and sent to this server alone.

const element = (id) => document.getElementById(id);
const storageName = "flux-api-key";

/** What a request needs to say who sends it. */
export function authorization() {
  const key = sessionStorage.getItem(storageName);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Asks for a key, and says why; resolves when there is one. */
export function askForKey(reason) {
  element("key-reason").textContent = reason;
  element("key").value = "";
  if (!element("key-dialog").open) element("key-dialog").showModal();
  return new Promise((resolve) => {
    element("key-form").onsubmit = (event) => {
      event.preventDefault();
      const key = element("key").value.trim();
      if (!key) return;
      sessionStorage.setItem(storageName, key);
      element("key-dialog").close();
      resolve();
    };
  });
}

// Without a key nothing works here: Esc does not help.
element("key-dialog").oncancel = (event) => event.preventDefault();
