// passport-oauth2 in an Express app, by its README, with state and PKCE on.
import express from "express";
import session from "express-session";
import passport from "passport";
import OAuth2Strategy from "passport-oauth2";
import { given, open, say } from "./lab.mjs";

const app = express();
app.use(session({ secret: "of development", resave: false, saveUninitialized: false }));

function strategy(clientSecret) {
  const options = {
    authorizationURL: `${given.issuer}/authorize`,
    tokenURL: `${given.issuer}/token`,
    clientID: given.client_id,
    clientSecret,
    callbackURL: given.redirect_uri,
    scope: ["openid", "profile", "email"],
    state: true,
    pkce: true,
  };
  return new OAuth2Strategy(options, (access_token, refresh_token, params, profile, done) => {
    done(null, { access_token, refresh_token, params });
  });
}

passport.use("right", strategy(given.client_secret));
passport.use("mistaken", strategy("a wrong secret"));
let chosen = "right";
app.get("/login", (request, response, next) => passport.authenticate(chosen)(request, response, next));
app.get("/callback", (request, response, next) => {
  passport.authenticate(chosen, { session: false }, (error, user, info) => {
    const refusal = error && [error.name, error.code, error.message, error.oauthError?.data].filter(Boolean).join(" ");
    response.json({ user: user || null, refusal: refusal || info?.message });
  })(request, response, next);
});
const { port } = new URL(given.redirect_uri);
await new Promise((ready) => app.listen(port, "127.0.0.1", ready));

const { user, refusal } = JSON.parse((await open(`http://127.0.0.1:${port}/login`)).text);
if (!user) throw new Error(refusal);
say("token", { type: user.params.token_type, scope: user.params.scope });

const told = await fetch(`${given.issuer}/userinfo`, { headers: { Authorization: `Bearer ${user.access_token}` } });
say("userinfo", await told.json());
const forged = JSON.parse((await open(`${given.redirect_uri}?code=any&state=another`)).text);
say("wrong state", { refused: forged.refusal });
chosen = "mistaken";
const wrong = JSON.parse((await open(`http://127.0.0.1:${port}/login`)).text);
say("wrong secret", { refused: wrong.refusal });
process.exit(0);
