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
  plugins: [dataUrlsToFiles()],
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:8000', ws: true }, '/playground.json': 'http://127.0.0.1:8000' } },
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
