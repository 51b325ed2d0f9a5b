// Runs before Swagger UI, which hands strings to innerHTML. They go in only when they are text in plain tags without attributes, as its
// Markdown makes them of our descriptions; whatever else comes is shown as the text that it is.

const PLAIN = /^(?:[^<]|<\/?(?:p|br|hr|em|strong|code|pre|ul|ol|li|blockquote)(?: ?\/)?>)*$/;

window.trustedTypes?.createPolicy("default", {
  createHTML: (html) => (PLAIN.test(html) ? html : html.replaceAll("&", "&amp;").replaceAll("<", "&lt;")),
});
