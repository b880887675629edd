import { mount } from 'svelte';
import App from './App.svelte';
import { accessToken } from './api/token';
import { language } from './i18n';
import './styles/tokens.css';
import './styles/base.css';
import './styles/markdown.css';

document.documentElement.lang = language;

/** The window of a sign-in that another page has opened. It passes the token on, and closes. */
const isSignInWindow = location.search === '?signed-in';

if (isSignInWindow) void accessToken().then(() => close(), start);
else start();

function start() {
  mount(App, { target: document.getElementById('app') as HTMLElement });
}
