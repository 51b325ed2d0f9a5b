// The API document of this server, and requests as our own page sends them: with the cookie, and the token that proves whose page it is.

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

async function withToken(request) {
  const headers = new Headers(request.headers);
  if (request.loadSpec || SAFE.has(request.method.toUpperCase()) || headers.has("authorization") || headers.has("x-csrf-token")) return request;
  const session = await fetch("/api/auth/session");
  const token = session.ok ? (await session.json()).csrf_token : null;
  return token ? { ...request, headers: { ...request.headers, "X-CSRF-Token": token } } : request;
}

SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#reference",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  docExpansion: "none",
  validatorUrl: null, // nothing of this server is told to another one
  persistAuthorization: false, // a token that was typed in goes with the page
  requestInterceptor: withToken,
});
