// The whole workspace by keyboard alone: no step of a walk uses the mouse. Each step says
// which element has the focus afterwards, and fails if that cannot be seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasFocus, tabTo } from './focus.mjs';
import { User, base, eventually, newEmail, saved } from './harness.mjs';

/** steps are the keys of a page, and where they lead. */
function stepsOf(page) {
  const focus = (want) => hasFocus(page, want);
  const press = async (key, want) => {
    await page.keyboard.press(key);
    if (want) await focus(want);
  };
  return {
    focus,
    press,
    type: (text) => page.keyboard.type(text),
    tab: (want, key) => tabTo(page, want, key),
    /** open goes to a control by Tab and presses Enter. */
    open: async (name, want) => {
      await tabTo(page, name);
      await press('Enter', want);
    },
    /** choose opens a menu, and takes one of its entries. */
    choose: async (menu, entry, want) => {
      await tabTo(page, menu);
      await press('Enter');
      for (let n = 0; n < 8; n++) {
        const name = await page.evaluate(() => document.activeElement.querySelector('span')?.textContent);
        if (name === entry) break;
        await press('ArrowDown');
      }
      await press('Enter', want);
    },
    /** command takes a choice of the palette. */
    command: async (query, option, want) => {
      await press('Control+k', 'Search and commands');
      await page.keyboard.type(query);
      await page.locator('[role=option][aria-selected=true]', { hasText: option }).waitFor();
      await press('Enter', want);
    },
    heard: (text) => eventually(() => page.locator('[role=status]', { hasText: text }).count(), 1),
  };
}

async function signedIn(options) {
  const ann = await User.signUp({ viewport: { width: 1280, height: 720 }, reducedMotion: 'reduce', ...options });
  return { ann, page: ann.page, ...stepsOf(ann.page) };
}

test('a user signs in, writes a specification, and undoes', async () => {
  const other = await User.signUp();
  const ann = new User(
    await other.context.browser().newContext({ locale: 'en-US', reducedMotion: 'reduce' }),
    newEmail(),
  );
  const page = await ann.open('/', { signedOut: true });
  const { focus, press, type, tab, open, heard } = stepsOf(page);
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
  await tab('Sign in with Google');
  await press('Enter');
  await page.getByRole('textbox').waitFor();
  await page.getByRole('textbox').focus();
  await type(ann.email);
  await press('Enter', 'Title of the project');

  await type('Invoice portal');
  await press('Enter', 'Invoice portal');
  await open('New specification', 'Title of the specification');
  await type('Refunds');
  await press('Enter', 'Refunds');
  await press('n', 'Text of the item');
  for (const text of ['One', 'Two', 'Three']) {
    await type(text);
    await press('Enter', 'Text of the item');
  }
  await press('Escape', '1.3 Three');
  await press('ArrowUp', '1.2 Two');
  await press('Enter', 'Text of the item 1.2');
  await type(' and more');
  await press('Escape', '1.2 Two and more');
  await press('Alt+ArrowUp', '1.2 Two and more');
  await heard('Moved to place 1 of 3.');
  await saved(page);
  await press('Delete', '1.1 One');
  await press('Control+z', '1.1 One');
  await page.getByRole('row', { name: '1.2 Two and more' }).waitFor();
  await press('Home', '1.2 Two and more');

  // The title is left to its heading, and the arrow leads on to the list.
  await tab('Title of the specification', 'Shift+Tab');
  await press('Escape', 'Refunds');
  await press('ArrowDown', '1.2 Two and more');
  // Without items, the way on is the button for a new one.
  await press('Delete', '1.1 One');
  await press('Delete', '1.3 Three');
  await press('Delete', 'New item');
  await press('Control+z', 'New item');
  await page.getByRole('row', { name: '1.3 Three' }).waitFor();
  // The action of a message gives the focus back.
  await press('Shift+Tab');
  await press('Shift+Tab', '1.3 Three');
  await press('Delete', 'New item');
  await open('Undo', 'New item');
  await page.getByRole('row', { name: '1.3 Three' }).waitFor();
  await focus('New item');
  await saved(page);
  await ann.end();
  await other.end();
});

test('the palette, the keys, versions and restoring', async () => {
  const { ann, page, focus, press, type, tab, open, choose, command } = await signedIn();
  const { spec, path, project } = await ann.specification('One', 'Two', 'Three');
  await ann.api('PATCH', `/items/${spec.items[1].id}`, { content: 'Two and more' });
  await page.goto(base + path);
  await page.getByRole('row').first().waitFor();
  await command('three', '1.3', '1.3 Three');
  await press('?', 'Keyboard');
  await tab('Close');
  await press('Escape', '1.3 Three');
  await press('/', 'Search and commands');
  await press('Escape', '1.3 Three');

  await press('Alt+h', 'History');
  await page.locator('aside [data-version]').first().waitFor();
  await tab(/^v1 /);
  await press('Enter');
  await page.locator('aside .columns').waitFor();
  await focus(/^v1 /);
  await open('Restore this state', 'Restore this state');
  await eventually(() => ann.contents(spec), ['One', 'Two', 'Three']);
  await press('Escape', 'History');
  await press('Escape', 'History');
  assert.equal(await page.locator('aside').count(), 0);
  await tab('Invoice portal', 'Shift+Tab');
  await press('Enter', 'Invoice portal');

  await choose('Actions for Invoice portal', 'History', 'History');
  await open('r4: Show what changed', 'r4: Show what changed');
  await press('ArrowDown', 'r3: Show what changed');
  await press('Enter');
  await open('r3: Restore this state', 'Restore r3?');
  await tab('Cancel');
  await press('Enter', 'r3: Restore this state');
  page.tolerated.push(/409 .*\/restore/);
  await open('r3: Undo this revision', 'r3 cannot be undone');
  await press('Escape', 'r3: Undo this revision');

  await open('Baselines', 'History');
  await open('New baseline', 'Name, such as “1.0”');
  await type('1.0');
  await press('Enter', 'Copy the digest of 1.0');
  await tab('New baseline', 'Shift+Tab');
  await press('Enter', 'Name, such as “1.0”');
  await type('1.1');
  await press('Enter', 'New baseline');
  await choose('Actions for 1.1', 'Delete baseline', 'Cancel');
  await press('Escape', 'Actions for 1.1');
  await press('Enter', /^Delete baseline/);
  await press('Enter', 'Cancel');
  await open('Delete baseline', 'Copy the digest of 1.0');
  const { baselines } = await ann.api('GET', `/projects/${project.id}/baselines`);
  assert.deepEqual(
    baselines.map((b) => b.name),
    ['1.0'],
  );
  await ann.end();
});

test('the trash, the search, the account, and signing out', async () => {
  const { ann, page, press, type, tab, open, choose, command } = await signedIn();
  const { project } = await ann.specification('One', 'Two');
  await page.goto(`${base}/p/${project.id}`);
  await page.locator('main li').waitFor();
  await choose('Actions for Refunds', 'Move to trash', 'New specification');
  await tab('Trash', 'Shift+Tab');
  await press('Enter', 'Trash');
  await open('Restore Refunds', 'Trash');
  await open('Open', 'Refunds');

  await press('/', 'Search and commands');
  await type('one');
  await page.locator('[role=option]', { hasText: 'All results for' }).waitFor();
  await press('ArrowUp');
  await press('Enter', 'Search in all projects');
  await page.locator('[role=option] mark').first().waitFor();
  await press('Enter', '1.1 One');

  const phone = await User.signUp({ email: ann.email, userAgent: 'Mozilla/5.0 (Android 16; Mobile) Firefox/150.0' });
  const name = ann.email.split('@')[0];
  await page.evaluate(() => delete window.showSaveFilePicker); // the dialog of the system
  await command('account', 'Account', name);
  await tab('Name');
  await press('Control+a');
  await type('Ann');
  await press('Enter', 'Name');
  await page.getByRole('heading', { level: 1, name: 'Ann' }).waitFor();
  await open(/^End the session of Firefox/, 'Sessions');
  await open('Export');
  await page.getByText(/^Exported/).waitFor();
  await tab('Delete account…');
  await press('Enter', `Type ${ann.email} to confirm`);
  await type('something else');
  await press('Escape', 'Delete account…');
  assert.equal((await ann.api('GET', '/users/me')).name, 'Ann');
  await tab('Sign out', 'Shift+Tab');
  page.tolerated.push(/401 .*\/auth\/refresh/);
  await press('Enter');
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
  await tab('Sign in with Google');
  await ann.end();
  await phone.end();
});

test('a narrow page has its navigation in a drawer, which gives the focus back', async () => {
  const { ann, page, press, tab, open } = await signedIn({ viewport: { width: 360, height: 640 } });
  const { path } = await ann.specification(...Array.from({ length: 30 }, (_, n) => `Requirement ${n} of the portal`));
  await page.goto(base + path);
  await page.getByRole('row').first().waitFor();
  await open('Skip to content', 'Refunds');
  await tab('Navigation', 'Shift+Tab');
  await press('Enter', 'Navigation');
  await tab('Trash');
  await press('Escape', 'Navigation');
  await press('Enter', 'Navigation');
  await open('Trash', 'Trash');
  await page.goBack();
  await page.getByRole('row').first().waitFor();
  // Each row is below the bar, and above what lies at the lower edge.
  await tab(/^1\.1 /);
  for (let n = 2; n <= 30; n++) await press('ArrowDown', new RegExp(`^1\\.${n} `));
  for (let n = 29; n >= 1; n--) await press('ArrowUp', new RegExp(`^1\\.${n} `));
  await ann.end();
});
