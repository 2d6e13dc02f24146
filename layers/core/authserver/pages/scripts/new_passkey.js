const section = document.getElementById("new");
const form = section.querySelector("form");
const failed = document.getElementById("failed");
if (window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON) {
  section.hidden = false;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    failed.hidden = true;
    try {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(section.dataset.options));
      const credential = await navigator.credentials.create({publicKey});
      form.credential.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
} else {
  document.getElementById("unable").hidden = false;
}
