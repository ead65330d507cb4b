import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { Hono } from 'hono';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * Only what was built with the page runs, and it asks this gateway alone. There is no cookie, and no address holds a secret: whoever
 * looks types the token, and the page sends it as a header.
 */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Beside the built code, and beside the sources. */
const FOLDERS = ['../dashboard/', '../dist/dashboard/'].map((path) => new URL(path, import.meta.url));

/** The page at `/dashboard`. It holds no figures of its own: those come from the admin API, to whoever may ask it. */
export function createDashboardFiles(): Hono {
  const app = new Hono();
  app.get('/dashboard', (context) => context.redirect('/dashboard/', 308));
  app.get('/dashboard/:path{.*}', ({ req }) => {
    const path = req.param('path') || 'index.html';
    const body = /^(assets\/)?[\w.-]+$/.test(path) ? read(path) : null;
    const type = TYPES[extname(path)];
    if (body === null || type === undefined)
      return new Response('There is no such file of the dashboard. Where it was not built: npm run build\n', {
        status: 404,
        headers: { ...HEADERS, 'content-type': TYPES['.txt'] },
      });
    // Names of assets hold a hash of what is in them.
    const cached = path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    return new Response(body, { headers: { ...HEADERS, 'content-type': type, 'cache-control': cached } });
  });
  return app;
}

function read(path: string): Uint8Array<ArrayBuffer> | null {
  // What was built has assets; the sources have none.
  const folder = FOLDERS.find((each) => existsSync(new URL('assets/', each)));
  try {
    return folder === undefined ? null : new Uint8Array(readFileSync(new URL(path, folder)));
  } catch {
    return null;
  }
}
