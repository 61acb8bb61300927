import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

export default defineConfig({
  // A page is one HTML file beside this one and one folder under src/.
  build: {
    rolldownOptions: {
      input: { playground: 'index.html' },
      checks: { moduleLevelDirective: false }, // "use client" in libraries means nothing here
    },
    assetsInlineLimit: 0, // files only: the content security policy allows no data: fonts or scripts
    chunkSizeWarningLimit: 4000, // Monaco is that large; it is loaded after the page has been drawn
    reportCompressedSize: false,
  },
  worker: { format: 'es' },
  plugins: [dataUrlsToFiles(), gzipped()],
  server: {
    proxy: {
      '/graphql': { target: 'http://127.0.0.1:8000', ws: true },
      '/playground.json': 'http://127.0.0.1:8000',
    },
  },
});

/** GraphiQL's stylesheet carries its fonts as data: URLs. They become files, so that font-src 'self' is enough. */
function dataUrlsToFiles(): Plugin {
  const fonts = /url\(["']?data:font\/(ttf|woff2?);base64,([A-Za-z0-9+/=]+)["']?\)/g;
  return {
    name: 'data-urls-to-files',
    apply: 'build',
    enforce: 'pre',
    transform(code, id) {
      if (!id.split('?')[0]?.endsWith('.css')) return null;
      return code.replace(fonts, (_, type: string, base64: string) => {
        const file = this.emitFile({
          type: 'asset',
          name: `font.${type}`,
          source: Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)),
        });
        return `url("__VITE_ASSET__${file}__")`;
      });
    },
  };
}

/** A .gz beside each large text file, which the server sends to whoever takes it: a third of the size. */
function gzipped(): Plugin {
  return {
    name: 'gzipped',
    apply: 'build',
    writeBundle({ dir = 'dist' }) {
      const assets = join(dir, 'assets');
      for (const name of readdirSync(assets).filter((one) => /\.(js|css|ttf)$/.test(one))) {
        const text = readFileSync(join(assets, name));
        if (text.length > 2000) writeFileSync(join(assets, `${name}.gz`), gzipSync(text, { level: 9 }));
      }
    },
  };
}
