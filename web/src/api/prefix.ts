/**
 * The path below which the server is published, without a slash at its end; usually
 * empty. The script is at {prefix}/workspace/app.js.
 */
export const prefix = import.meta.env.PROD
  ? new URL(/* @vite-ignore */ '..', import.meta.url).pathname.replace(/\/$/, '')
  : '';

export const api = `${prefix}/api/v1`;

/** The icon of the product. */
export const icon = import.meta.env.PROD ? `${prefix}/workspace/icon.svg` : '/icon.svg';
