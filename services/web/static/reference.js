// The reference of the HTTP API: Swagger UI on the document that this gateway serves.
globalThis.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: -1,
  filter: true,
  displayRequestDuration: true,
  // The document is not given to a validator elsewhere, and no address comes from the query.
  validatorUrl: null,
  queryConfigEnabled: false,
});
