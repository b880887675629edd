// Draws the API reference. A file of its own, because the policy of the page
// forbids scripts within its text.
const page = document.getElementById('reference')

// The document sorts operations by path; the page names them as the server
// lists them, which is the order to read them in.
const operations = page.dataset.operations.split('\n')
const place = ({ method, path }) => operations.indexOf(`${method.toUpperCase()} ${path}`)

Scalar.createApiReference(page, {
  url: page.dataset.contract,
  operationsSorter: (a, b) => place(a) - place(b),
  modelsSectionLabel: 'Schemas',
  documentDownloadType: 'direct',
  authentication: { preferredSecurityScheme: 'bearer' },

  // Nothing comes from elsewhere, nothing goes elsewhere.
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
  telemetry: false,
  withDefaultFonts: false,
})
