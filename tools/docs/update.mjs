// Gets the renderer of the API reference from npm: its script, compressed, and
// the licences of all that may be in it. The results are committed, so that
// nobody needs npm to build the program. In this directory:
//
//   npm ci --ignore-scripts && npm run update
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const assets = new URL('../../internal/httpapi/docs/assets/', import.meta.url)
const modules = new URL('./node_modules/', import.meta.url)
const lock = JSON.parse(readFileSync(new URL('package-lock.json', import.meta.url)))

// Without the line that names a source map, which browsers would ask us for.
const script = readFileSync(new URL('@scalar/api-reference/dist/browser/standalone.js', modules), 'utf8')
  .replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')
writeFileSync(new URL('scalar.js.gz', assets), gzipSync(script, { level: 9 }))

// Packages of one text stand above it together. A package that carries no text
// is named by its licence and author above the text of that licence.
const mit = readFileSync(new URL('@scalar/types/LICENSE', modules), 'utf8').trim()
const terms = mit.slice(mit.indexOf('Permission is hereby granted'))
const packagesOf = new Map()
for (const [path, { version, license }] of Object.entries(lock.packages)) {
  if (!path) continue
  const directory = new URL(`./${path}/`, import.meta.url)
  const name = path.split('node_modules/').pop()
  const { author, repository } = JSON.parse(readFileSync(new URL('package.json', directory)))
  const files = readdirSync(directory).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort()
  let text = files.map((file) => readFileSync(new URL(file, directory), 'utf8').trim()).join('\n\n')
  if (!text && name.startsWith('@scalar/')) text = mit
  if (!text && license === 'MIT') text = `MIT License\n\nBy ${author?.name ?? author ?? repository?.url}\n\n${terms}`
  if (!text) throw new Error(`${name} carries no licence; find its text`)
  packagesOf.set(text, [...(packagesOf.get(text) ?? []), `${name} ${version} (${license})`])
}
const licenses = [...packagesOf].map(([text, names]) => `${names.join('\n')}\n\n${text.replace(/\r/g, '').replace(/[ \t]+$/gm, '')}\n`)
writeFileSync(new URL('scalar.licenses.txt', assets), licenses.join(`\n${'-'.repeat(78)}\n\n`))
