// Draws the API reference. A file of its own, because the policy of the page
// forbids scripts within its text.
const page = document.getElementById('reference')

// The document sorts operations by path; the page names them as the server
// lists them, which is the order to read them in.
const operations = page.dataset.operations.split('\n')
const place = ({ method, path }) => operations.indexOf(`${method.toUpperCase()} ${path}`)

const configuration = (token) => ({
  url: page.dataset.contract,
  operationsSorter: (a, b) => place(a) - place(b),
  modelsSectionLabel: 'Schemas',
  documentDownloadType: 'direct',
  authentication: { preferredSecurityScheme: 'bearer', securitySchemes: { bearer: { token } } },

  // Nothing comes from elsewhere, nothing goes elsewhere.
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
  telemetry: false,
  withDefaultFonts: false,
})

// The session of the browser is in a cookie that scripts cannot read. The server
// exchanges it for an access token.
const auth = page.dataset.contract.replace(/[^/]*$/, 'auth/')
const post = (name) =>
  fetch(auth + name, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' })

async function refresh() {
  try {
    const response = await post('refresh')
    return response.ok ? await response.json() : undefined
  } catch {
    return undefined // the server is away; the page can be read without it
  }
}

// Sign-in returns to this page; if it has failed, with the reason.
const failure = new URLSearchParams(location.search).get('error')
const here = location.pathname

function link(href, text) {
  const a = document.createElement('a')
  a.href = href
  a.textContent = text
  return a
}

function signOutButton() {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = 'Sign out'
  button.addEventListener('click', async () => {
    button.disabled = true
    await post('logout').catch(() => undefined)
    location.replace(here)
  })
  return button
}

function showSession(pair) {
  const bar = document.getElementById('session')
  const workspace = link(here.replace(/docs$/, ''), 'Workspace')
  if (pair) {
    bar.replaceChildren(`Signed in as ${pair.user.name || pair.user.email}`, ' · ', signOutButton(), ' · ', workspace)
    return
  }
  const signIn = link(`${auth}google?return_to=${here}`, 'Sign in')
  if (failure) bar.replaceChildren('The sign-in failed: ', failure, ' · ', signIn, ' · ', workspace)
  else bar.replaceChildren(signIn, ' to try requests with your account · ', workspace)
}

// A browser waits at most about 24 days; a longer wait would end at once.
const longestWait = 2 ** 31 - 1

async function start() {
  let pair = await refresh()
  showSession(pair)
  const reference = Scalar.createApiReference(page, configuration(pair?.access_token ?? ''))

  // An access token expires while the page is open.
  const renewLater = () => {
    if (!pair) return
    const seconds = Math.max(pair.expires_in / 2, pair.expires_in - 60)
    setTimeout(renew, Math.min(longestWait, seconds * 1000))
  }
  const renew = async () => {
    pair = await refresh()
    showSession(pair)
    if (pair) reference.updateConfiguration(configuration(pair.access_token))
    renewLater()
  }
  renewLater()
}

start()
