import { readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, openChromium, openPage, seriousFindings } from '../../fixtures/chromium.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { ask, mockUpstream, routerFolder, testConfig, testServer } from '../gateway-fixture.ts';

const TOKEN = 'a-token-that-is-long-enough';
const PAGES = [
  'live',
  'savings',
  'quality',
  'drift',
  'versions',
  'what-if',
  'playground',
  'keys',
  'upstreams',
];
const WIDE = { viewport: { width: 1200, height: 800 } };

const { folder } = temporaryFolder();
const upstream = await mockUpstream();
const log = join(folder, 'log');
const { url } = await testServer(await testConfig(upstream, { log: { folder: log } }));
const guarded = await testServer(
  await testConfig(upstream, { keys: { state: ':memory:' }, admin: { token: '${TOKEN}' } }),
  { env: { MOCK_KEY: 'x', TOKEN } },
);

const send = (path: string, body: unknown) =>
  fetch(url + path, { method: 'POST', body: JSON.stringify(body), headers: { connection: 'close' } });

/** Without the address of a browser: a test that is skipped says why. */
describe.skipIf(!hasChromium)(
  'the dashboard, in Chromium (skipped where there is no chromium in /usr/bin or on the path)',
  () => {
    let browser: Browser;
    let decided: string;
    beforeAll(async () => {
      browser = await openChromium();
      const answered = await send('/v1/chat/completions', ask());
      decided = answered.headers.get('x-pointsman-decision-id') as string;
      await send('/v1/feedback', { decisionId: decided, rating: 'up', comment: 'Right.' });
    });
    afterAll(() => browser?.close());

    const goTo = async (page: Page, hash: string, base = url) => {
      await page.goto(`${base}/dashboard/#/${hash}`);
      await page.locator('h1').waitFor();
    };

    it.each([
      ['light', { ...WIDE, colorScheme: 'light' }],
      ['dark', { ...WIDE, colorScheme: 'dark' }],
      ['400 pixels wide', { viewport: { width: 400, height: 800 } }],
    ] as const)(
      '%s: every page is without mistakes, without serious findings, and no wider than the window',
      async (_, options) => {
        const { mistakes, page } = await openPage(browser, options);
        for (const name of [...PAGES, `decision/${decided}`]) {
          await goTo(page, name);
          await expect.poll(() => page.getByText('Loading …').count(), { timeout: 20_000 }).toBe(0);
          expect(await seriousFindings(page), name).toEqual([]);
          const wide = await page.evaluate('document.documentElement.scrollWidth');
          expect(wide, name).toBe(options.viewport.width);
        }
        expect(mistakes).toEqual([]);
        await page.context().close();
      },
    );

    it('shows decisions as they come, and by the keyboard alone why each was made', async () => {
      const { page } = await openPage(browser, WIDE);
      await goTo(page, 'live');
      await page.getByRole('link', { name: 'What is 17 * 23?' }).first().waitFor();
      await send('/v1/route', { text: 'Newest of all' });
      await page.getByRole('link', { name: /Newest of all/ }).waitFor();
      const first = page.locator('[data-row="0"] a');
      await first.focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Decision' }).waitFor();
      await page.getByText('What is 17 * 23?', { exact: true }).waitFor();
      const { decision } = await (await fetch(`${url}/admin/decisions/${decided}`)).json();
      // Below are tables of the nearest requests, which come when they have been looked for.
      const rows = page.locator('table.table').first().locator('tbody tr');
      await rows.first().waitFor();
      expect(await rows.count()).toBe(decision.predictions.length);
      expect(await rows.first().textContent()).toContain(`${decision.candidate} chosen`);
      for (const sentence of [...decision.reasons, ...decision.changes])
        await page.getByText(sentence).first().waitFor();
      await page.getByText('Right.', { exact: true }).waitFor();
      await page.context().close();
    });

    it('has few rows in the page however many there are', async () => {
      for (let i = 0; i < 400; i++) await send('/v1/route', { text: `Question ${i}` });
      const { page } = await openPage(browser, WIDE);
      await goTo(page, 'live');
      await page.getByText(/^40\d decisions/).waitFor();
      expect(await page.locator('[data-row]').count()).toBeLessThan(60);
      await page.locator('[data-row="0"] a').focus();
      await page.keyboard.press('End');
      await page.getByRole('link', { name: 'What is 17 * 23?' }).waitFor();
      await page.getByRole('searchbox').fill('Question 399');
      await page.getByText(/^1 of 40\d decisions/).waitFor();
      await page.context().close();
    });

    it('decides on a prompt, asks two candidates, and keeps the vote as a comparison', async () => {
      const { mistakes, page } = await openPage(browser, WIDE);
      await goTo(page, 'playground');
      await page.getByLabel('Prompt').fill('What is 6 * 7?');
      await page.getByRole('button', { name: 'Decide' }).click();
      await page.getByRole('heading', { name: /^The router chooses m\d/ }).waitFor();
      await page.getByLabel('One', { exact: true }).selectOption('m0');
      await page.getByLabel('The other').selectOption('m2');
      await page.getByRole('button', { name: 'Ask both' }).click();
      // Names are hidden until somebody has voted; the upstream gives its own away in its answer.
      const better = page.getByRole('button', { name: 'A was better' });
      await better.waitFor();
      const left = (await page.getByRole('region', { name: 'Answer A' }).textContent()) ?? '';
      await page
        .getByRole('region', { name: 'Answer A' })
        .getByRole('button', { name: 'Good answer' })
        .click();
      await page.getByText('Rated: it is in the decision log').waitFor();
      await better.click();
      await page.getByText(/^Kept: m\d was better/).waitFor();
      const [a, b] = left.includes('model-0') ? ['m0', 'm2'] : ['m2', 'm0'];
      const [vote] = readFileSync(join(log, 'preferences.jsonl'), 'utf8').trim().split('\n');
      expect(JSON.parse(vote as string)).toMatchObject({
        prompt: 'What is 6 * 7?',
        a: { model: a, costUsd: expect.any(Number) },
        b: { model: b },
        winner: 'a',
      });
      expect(mistakes).toEqual([]);
      await page.context().close();
    });

    it('lets in nobody without the token, keeps it in the tab alone, and says it in no address', async () => {
      const { mistakes, page } = await openPage(browser, WIDE);
      const addresses: string[] = [];
      page.on('request', (request) => addresses.push(request.url()));
      await page.goto(`${guarded.url}/dashboard/#/keys`);
      await page.getByLabel('Admin token').fill('not the right one at all');
      await page.getByRole('button', { name: 'Open' }).click();
      await page.getByRole('alert').getByText('The admin token is wrong').waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByLabel('Admin token').fill(TOKEN);
      await page.getByRole('button', { name: 'Open' }).click();
      await page.getByRole('heading', { name: 'Keys & budgets' }).waitFor();
      expect(addresses.filter((address) => address.includes(TOKEN))).toEqual([]);
      expect(addresses.filter((address) => !address.startsWith(guarded.url))).toEqual([]);
      expect(await page.evaluate('[document.cookie, localStorage.length, location.href]')).toEqual([
        '',
        0,
        `${guarded.url}/dashboard/#/keys`,
      ]);
      const other = await page.context().newPage();
      await other.goto(`${guarded.url}/dashboard/`);
      await other.getByLabel('Admin token').waitFor();
      expect(mistakes).toEqual([]);
      await page.context().close();
    });

    it('makes a key whose secret is shown once, shows what it used, and revokes it', async () => {
      const { page } = await openPage(browser, WIDE);
      await page.goto(`${guarded.url}/dashboard/#/keys`);
      await page.getByLabel('Admin token').fill(TOKEN);
      await page.keyboard.press('Enter');
      await page.getByText('There is no key yet').waitFor();
      await page.getByRole('button', { name: 'New key' }).click();
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByLabel('Name').fill('support team');
      await page.getByLabel('Budget a day').fill('0.5');
      await page.getByRole('button', { name: 'Make the key' }).click();
      const secret = (await page.locator('code.secret').textContent()) as string;
      expect(secret).toMatch(/^pm-[a-z0-9]{12}-/);
      await page.getByRole('button', { name: 'I have it' }).click();
      expect(await page.content()).not.toContain(secret.slice(17));
      const asking = () =>
        fetch(`${guarded.url}/v1/chat/completions`, {
          method: 'POST',
          body: JSON.stringify(ask({ model: 'm1' })),
          headers: { authorization: `Bearer ${secret}`, connection: 'close' },
        });
      expect((await asking()).status).toBe(200);
      await page.getByRole('link', { name: /support team/ }).click();
      await page.getByText('left of $0.50').first().waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByRole('button', { name: 'Disable' }).click();
      await page.getByRole('button', { name: 'Enable' }).waitFor();
      expect((await asking()).status).toBe(401);
      await page.getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('button', { name: 'Delete it' }).click();
      await page.getByText('There is no key yet').waitFor();
      await page.context().close();
    });

    it('asks what other weights would have done, and says what that cannot be known of', async () => {
      const { mistakes, page } = await openPage(browser, WIDE);
      await goTo(page, 'what-if');
      await page.getByLabel('Weights').selectOption('my own');
      await page.getByLabel('Cost', { exact: true }).fill('3');
      await page.getByRole('button', { name: 'Decide anew' }).click();
      await page.getByRole('heading', { name: 'Who would answer' }).waitFor();
      await page.getByText('These decisions cannot say it all.').waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      const { body } = {
        body: await (await send('/admin/what-if', { weights: { quality: 1, cost: 3, latency: 0 } })).json(),
      };
      const [first] = Object.entries<number>(body.after).sort(([, a], [, b]) => b - a);
      const row = page.locator('table.table tbody tr').first();
      expect(await row.textContent()).toContain(`${first?.[0]}`);
      expect(await row.textContent()).toContain(`${(100 * (first?.[1] as number)).toFixed(1)} %`);
      await page.getByLabel('Least chance of a good answer, 0 to 1').fill('2');
      await page.getByRole('button', { name: 'Decide anew' }).click();
      await page.getByRole('alert').getByText('`limits.minSuccessProbability` is wrong').waitFor();
      expect(mistakes).toEqual([]);
      await page.context().close();
    });

    it('shows how far a retraining is', async () => {
      const router = join(folder, 'night');
      await cp(await routerFolder(), router, { recursive: true });
      await mkdir(join(router, 'runs'), { recursive: true });
      const at = new Date().toISOString();
      const progress = {
        schemaVersion: 1,
        startedAt: at,
        updatedAt: at,
        step: 'reading shards',
        unit: 'shards',
      };
      const said = JSON.stringify({ ...progress, done: 12, total: 40, secondsLeft: 300 });
      await writeFile(join(router, 'runs', 'progress.json'), said);
      const alone = await testServer({ listen: { port: 0 }, routers: { support: { folder: router } } });
      const { page } = await openPage(browser, WIDE);
      await goTo(page, 'versions', alone.url);
      await page.getByText('A retraining is under way').waitFor();
      for (const words of ['reading shards', '12 of 40 shards', '5 min'])
        await page.getByText(words).waitFor();
      await page.context().close();
    });

    it('says in a sentence what is not there, and what to do', async () => {
      const alone = await testServer({
        listen: { port: 0 },
        routers: { support: { folder: await routerFolder() } },
      });
      const { page } = await openPage(browser, WIDE);
      for (const [name, words] of [
        ['live', 'No decision has been made since the gateway started.'],
        ['keys', 'This gateway asks for no key'],
        ['savings', 'No decision of this router was answered in the last 24 hours'],
        ['quality', 'No answer was rated in the last hour'],
        ['drift', 'No retraining has looked for drift yet'],
        ['versions', 'No retraining has been recorded'],
        ['upstreams', 'No candidate has an upstream'],
        ['decision', 'Choose one on the page Live'],
        ['decision/none', 'This decision is not among the newest'],
      ]) {
        await goTo(page, name as string, alone.url);
        await page.getByText(words as string).waitFor();
      }
      await page.context().close();
    });
  },
);
