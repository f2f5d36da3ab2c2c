// Starts Swagger UI on the page to try the API. A file of its own: the policy of the service allows no inline script.
const place = document.getElementById("api-docs");

window.SwaggerUIBundle({
  url: new URL(place.dataset.document, document.baseURI).href,
  domNode: place,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  // A badge would ask a foreign server to judge the document.
  validatorUrl: null,
  // A key stays in this page and is gone with it.
  persistAuthorization: false,
});
