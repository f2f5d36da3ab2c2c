// Starts Swagger UI on the page to try the API. A file of its own: the policy of the service allows no inline script.
const place = document.getElementById("api-docs");

// In place of Swagger UI's frame, which brings a second <main> and a second <h1>, and lets one choose the only server.
function ownLayout({ React }) {
  const make = React.createElement;
  const DocsLayout = ({ getComponent, specSelectors }) => {
    const part = (name) => make(getComponent(name, true));
    const info = specSelectors.info();
    return make(
      "div",
      { className: "swagger-ui" },
      part("SvgAssets"),
      part("errors"),
      make("h2", { className: "govuk-heading-m" }, info.get("title")),
      make(getComponent("Markdown", true), { source: info.get("description") }),
      part("AuthorizeBtnContainer"),
      part("operations"),
    );
  };
  return { components: { DocsLayout } };
}

// What Swagger UI leaves without a name, or out of the keyboard's reach.
const LABELS = {
  "textarea.body-param__text": "Request body",
  "select.examples-select-element": "Example",
  "select.content-type": "Media type",
  ".auth-container input": "API key",
  "button.close-modal": "Close",
};

function repair() {
  for (const [selector, label] of Object.entries(LABELS)) {
    for (const found of place.querySelectorAll(`${selector}:not([aria-label])`)) found.setAttribute("aria-label", label);
  }
  for (const found of place.querySelectorAll("table[role=region]:not([aria-label])")) {
    found.setAttribute("aria-label", found.id.replaceAll("_", " "));
  }
  for (const found of place.querySelectorAll("pre:not([tabindex])")) found.tabIndex = 0;
}

const answer = await fetch(place.dataset.document);
new MutationObserver(repair).observe(place, { childList: true, subtree: true });
window.SwaggerUIBundle({
  spec: await answer.json(),
  domNode: place,
  presets: [window.SwaggerUIBundle.presets.apis],
  plugins: [ownLayout],
  layout: "DocsLayout",
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  syntaxHighlight: { activated: false },
  // A badge would ask a foreign server to judge the document.
  validatorUrl: null,
  // A key stays in this page and is gone with it.
  persistAuthorization: false,
});
