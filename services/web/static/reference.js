// The reference of the HTTP API: Swagger UI on the document that the page links to.
const link = /** @type {HTMLAnchorElement} */ (document.querySelector("a[href$='openapi.json']"));

globalThis.SwaggerUIBundle({
  url: link.href,
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: -1,
  filter: true,
  displayRequestDuration: true,
  // The document is not given to a validator elsewhere, and no address comes from the query.
  validatorUrl: null,
  queryConfigEnabled: false,
  // On a page that is not served by a gateway there is nothing to try out.
  ...("readOnly" in document.body.dataset ? { supportedSubmitMethods: [] } : {}),
});
