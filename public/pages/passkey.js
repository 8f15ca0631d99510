// Asks the authenticator for forms that want a passkey. Each form carries the question; the answer goes into it, and it is sent.
const able = globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON && PublicKeyCredential.parseCreationOptionsFromJSON;
for (const form of able ? document.querySelectorAll("form[data-passkey]") : []) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    const options = JSON.parse(form.dataset.options);
    try {
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      form.elements.namedItem("credential").value = JSON.stringify(credential.toJSON());
      // Past this listener.
      form.submit();
    } catch {
      // Somebody changed their mind, or has no passkey here: they may try again, or do without.
      button.disabled = false;
    }
  });
}
if (able) for (const note of document.querySelectorAll(".unable")) note.hidden = true;
