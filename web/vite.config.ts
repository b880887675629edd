import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The server for development of this project; `npm run dev` passes requests to it.
const server = process.env['CODEGENAPP_URL'] ?? 'http://localhost:8080';

// The built files have stable names and are committed. The Go program embeds them and
// serves them below /workspace/, the page itself at every deep link.
export default defineConfig(({ command }) => ({
  base: command === 'build' ? '/workspace/' : '/',
  plugins: [svelte()],
  server: { proxy: { '/api': server, '/docs': server, '/problems': server } },
  build: {
    outDir: '../internal/httpapi/workspace/assets',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      output: {
        codeSplitting: false,
        entryFileNames: 'app.js',
        assetFileNames: (asset) => (asset.names.some((name) => name.endsWith('.css')) ? 'app.css' : '[name][extname]'),
      },
    },
  },
  test: { include: ['src/**/*.test.ts'] },
}));
