const form = document.getElementById("passkey");
if (window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  const options = JSON.parse(form.dataset.options);
  const ask = async (mediation, signal) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({publicKey, mediation, signal});
    form.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  };
  const waiting = new AbortController();
  form.hidden = false;
  form.addEventListener("submit", event => {
    event.preventDefault();
    waiting.abort();
    ask().catch(() => {});
  });
  PublicKeyCredential.isConditionalMediationAvailable?.().then(available => {
    if (available) ask("conditional", waiting.signal).catch(() => {});
  });
}
