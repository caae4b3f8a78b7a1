// Shows the document of the service that serves this page. "Authorize" takes a token, which stays in this page.
window.ui = SwaggerUIBundle({
  url: "schema/openapi.json",
  dom_id: "#document",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
