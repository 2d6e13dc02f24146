// Each way to sign in is a page below /rooms/ and its own redirect URI; the library names the client by the MD5 of that.
// settings.js says where the server is (`server`) and where the same pages are on another origin (`elsewhere`).
const MODES = {
  code: { says: "authorization code with PKCE", auth_type: "auth_code" },
  trusted: { says: "authorization code on a trusted device, with a refresh token", auth_type: "auth_code", trusted: true },
  implicit: { says: "implicit grant", auth_type: "implicit" },
  "implicit-trusted": { says: "implicit on a trusted device: a code without PKCE", auth_type: "implicit", trusted: true },
  frame: { says: "implicit grant, and in a frame once its user has allowed it", auth_type: "implicit", framed: true },
  password: { says: "password grant", auth_type: "password" },
};
const name = location.pathname.split("/")[2];
const mode = MODES[name];
const element = (id) => document.querySelector(`#${id}`);

function options() {
  const remote = settings.server === location.origin ? {} : { host: new URL(settings.server).host };
  return {
    scope: "public",
    auth_type: mode.auth_type,
    auth_uri: `${settings.server}/auth/oauth/authorize`,
    token_uri: `${settings.server}/auth/oauth/token`,
    redirect_uri: location.origin + location.pathname,
    secure: location.protocol === "https:",
    use_iframe: mode.framed && localStorage.getItem("allowed") === "true",
    ...remote,
  };
}

function show() {
  const token = place.authority() && place.token(false);
  if (!token) return;
  if (mode.framed) localStorage.setItem("allowed", "true");
  element("told").textContent = `Signed in at ${place.authority().name}`;
  element("password").hidden = true;
  element("actions").hidden = element("token").hidden = false;
  element("refresh").hidden = !mode.trusted;
  const claims = JSON.parse(new TextDecoder().decode(octets(token.split(".")[1])));
  const told = { Client: claims.client_id, Scope: claims.scope, Expires: new Date(claims.exp * 1000).toLocaleString() };
  element("token").replaceChildren(...Object.entries(told).flatMap(([term, value]) => [made("dt", term), made("dd", value)]));
}

function octets(base64url) {
  return Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
}

function made(kind, text) {
  return Object.assign(document.createElement(kind), { textContent: text });
}

function signIn(credentials = {}) {
  element("told").textContent = "Asking who is there …";
  place.setup({ ...options(), ...credentials }).then(show, () => (element("told").textContent = "That did not work"));
  place.listenForToken().subscribe(show);
}

function offer() {
  for (const [path, { says, trusted }] of Object.entries(MODES)) {
    const link = Object.assign(made("a", says), { href: `/rooms/${path}/${trusted ? "?trust=true" : ""}` });
    if (path === name) link.setAttribute("aria-current", "page");
    const item = document.createElement("li");
    item.append(link);
    element("modes").append(item);
  }
  const other = location.origin === settings.server ? settings.elsewhere : settings.server;
  element("origins").append("The server is at ", made("code", settings.server), ", this page at ", made("code", location.origin), ". ");
  element("origins").append(Object.assign(made("a", "Open the pages of the other origin"), { href: `${other}/rooms/` }));
}

function start() {
  offer();
  if (!mode) return;
  element("state").hidden = false;
  element("leave").addEventListener("click", () => place.logout());
  element("refresh").addEventListener("click", () => {
    place.invalidateToken();
    place.authorise().then(show);
  });
  if (mode.auth_type !== "password") return signIn();
  element("password").hidden = false;
  element("password").addEventListener("submit", (event) => {
    event.preventDefault();
    signIn(Object.fromEntries(new FormData(event.target)));
  });
}

// In a frame the page only hands over what it was given.
function handOver() {
  const given = new URLSearchParams(location.search || location.hash.slice(1));
  const { access_token: token, ...rest } = Object.fromEntries(given);
  window.parent.postMessage({ type: "place-os", token, ...rest }, location.origin);
}

window.parent === window ? start() : handOver();
