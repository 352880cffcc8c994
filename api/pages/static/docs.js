// Swagger UI on our own OpenAPI document. The global is that of the bundle that the page loads before.
/* global SwaggerUIBundle */

const { token } = JSON.parse(document.getElementById("config").textContent);

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const followColorScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followColorScheme);
followColorScheme();

const ui = SwaggerUIBundle({
  dom_id: "#tool",
  url: "openapi.json",
  deepLinking: true,
  // The schemas stand beside each operation; below them all they are folded.
  defaultModelsExpandDepth: 0,
  // A token does not belong into localStorage.
  persistAuthorization: false,
  // Else the document's address would be sent to a validator on the web.
  validatorUrl: null,
  onComplete() {
    if (token) ui.preauthorizeApiKey("bearer", token);
  },
});
