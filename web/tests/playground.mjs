// Uses the playground in a real Chromium as a newcomer would, and prints what it saw as JSON.
//
//   node web/tests/playground.mjs --url http://127.0.0.1:8000 [--pictures FOLDER] [--renew] [--chromium PATH]
//
// It judges nothing: tests/web/test_playground_browser.py does. With --renew it asks for other demo tokens
// by a line on stderr, and goes on after a line on stdin.
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const patience = 30_000; // milliseconds for one thing to appear; the machine may be busy

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    pictures: { type: 'string' },
    renew: { type: 'boolean' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});
if (!options.url) throw new Error('--url is missing: the address of a running server');
if (options.pictures) await mkdir(options.pictures, { recursive: true });

const browser = await chromium.launch({
  executablePath: options.chromium,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
try {
  console.log(JSON.stringify(await useIt(), null, 2));
} finally {
  await browser.close();
}

async function useIt() {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  page.setDefaultTimeout(patience);
  const seen = watch(page);
  await page.goto(options.url);
  await ready(page);

  const report = { title: await page.title(), start: await state(page), ...seen };
  report.shortcut = await shortcut(page);
  report.examples = await runExamples(page);
  report.ownWork = await ownWork(page);
  report.viewer = await asViewer(page);
  report.lastWorkspace = await inLastWorkspace(page);
  report.live = await live(page);
  if (options.renew) report.renewed = await renewed(page);
  await pictures(page);
  report.stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  report.violations.push(...(await page.evaluate(() => globalThis.violations)));
  report.history = await fromHistory(page);
  return report;
}

function watch(page) {
  const seen = { requests: [], sockets: [], sentOnSockets: [], consoleErrors: [], violations: [] };
  page.context().on('request', (request) => seen.requests.push(request.url()));
  page.on('websocket', (socket) => {
    seen.sockets.push(socket.url());
    socket.on('framesent', ({ payload }) => seen.sentOnSockets.push(String(payload)));
  });
  page.on('pageerror', (error) => seen.consoleErrors.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) seen.consoleErrors.push(message.text());
  });
  page.addInitScript(() => {
    globalThis.violations = [];
    addEventListener('securitypolicyviolation', (event) => {
      globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return seen;
}

async function shortcut(page) {
  await page.locator('.graphiql-query-editor .monaco-editor').first().click();
  await page.keyboard.press('Control+Enter');
  return answer(page);
}

async function runExamples(page) {
  const titles = await page.locator('.examples button').allTextContents();
  const report = {};
  for (const title of titles) {
    const group = page.locator('.examples section', { has: page.getByRole('button', { name: title, exact: true }) });
    const kind = await group.getAttribute('data-kind');
    await open(page, title);
    const { query, variables } = await state(page);
    report[title] = { kind, query, variables, response: await run(page) };
    if (kind === 'subscription') await stop(page);
    if (title.startsWith('Products')) await picture(page, 'light');
  }
  return report;
}

/** What one has typed stays: the example opens in a new tab. */
async function ownWork(page) {
  await page.evaluate(() => {
    const models = globalThis.__MONACO.editor.getModels();
    models.find(({ uri }) => uri.path.endsWith('operation.graphql')).setValue('query Mine { viewer { role } }');
  });
  await open(page, 'Who am I');
  const tabs = await page.locator('.graphiql-tab').count();
  await page.locator('.graphiql-tab button').first().click();
  const first = (await state(page)).query;
  await page.locator('.graphiql-tab').last().locator('button').first().click();
  return { tabs, first };
}

async function asViewer(page) {
  await page.locator('.roles').getByRole('button', { name: 'Viewer' }).click();
  await open(page, 'Who am I');
  const { headers } = await state(page);
  const response = await run(page);
  await page.locator('.graphiql-tab-add').click();
  const headersOfNewTab = (await state(page)).headers;
  await page.locator('.graphiql-tab').last().locator('.graphiql-tab-close').click();
  await page.locator('.roles button').first().click();
  return { headers, response, headersOfNewTab };
}

async function inLastWorkspace(page) {
  const chooser = page.locator('.chooser select');
  const before = await chooser.inputValue();
  const ids = await chooser.locator('option').evaluateAll((all) => all.map(({ value }) => value));
  await chooser.selectOption(ids.at(-1));
  await open(page, 'Who am I');
  const response = await run(page);
  await chooser.selectOption(before);
  return { id: ids.at(-1), response };
}

/** The subscription shows one event after another, and goes on as somebody else when the role is changed. */
async function live(page) {
  await open(page, 'Live orders of a room');
  const { variables } = await state(page);
  await page.locator('.graphiql-execute-button').click();
  const events = await differentAnswers(page, 3);
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, 'dark-live');
  const count = Number(await page.locator('[data-testid="live-events"]').textContent());

  const socketOfViewer = page.waitForEvent('websocket');
  await page.locator('.roles').getByRole('button', { name: 'Viewer' }).click();
  await (await socketOfViewer).waitForEvent('framereceived', ({ payload }) => String(payload).includes('"next"'));
  const asViewer = (await differentAnswers(page, 2)).at(-1);
  await stop(page);
  await page.locator('.roles button').first().click();
  return { variables, events, count, asViewer };
}

async function renewed(page) {
  const before = (await state(page)).headers;
  console.error('renew the tokens');
  await once(process.stdin, 'data');
  process.stdin.pause();
  await page.evaluate(() => dispatchEvent(new Event('focus')));
  await page.waitForFunction((old) => {
    const models = globalThis.__MONACO.editor.getModels();
    return models.find(({ uri }) => uri.path.endsWith('request-headers.json')).getValue() !== old;
  }, before);
  await open(page, 'Who am I');
  return { before, after: (await state(page)).headers, response: await run(page) };
}

/** An operation from the history, after a reload has forgotten every header. */
async function fromHistory(page) {
  await page.waitForTimeout(700); // GraphiQL stores half a second late
  await page.reload();
  await ready(page);
  const start = (await state(page)).headers;
  await page.getByRole('button', { name: 'Show History' }).click();
  await page.locator('.graphiql-history-item-label').first().click();
  await page.getByRole('button', { name: 'Hide History' }).click();
  const { headers } = await state(page);
  return { start, headers, response: await run(page) };
}

async function ready(page) {
  await page.waitForFunction(() => globalThis.__MONACO?.editor.getEditors().length >= 4);
}

async function pictures(page) {
  if (!options.pictures) return;
  await open(page, 'Orders of today');
  await run(page);
  await page.locator('.graphiql-sidebar button').first().click();
  await page.waitForSelector('.graphiql-plugin');
  await picture(page, 'dark-docs');
  await page.locator('.graphiql-sidebar button').first().click();
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 800, height: 1000 });
  await picture(page, 'narrow');
}

async function open(page, title) {
  await page.getByRole('navigation', { name: 'Examples' }).getByRole('button', { name: title, exact: true }).click();
  await page.waitForFunction((start) => {
    const models = globalThis.__MONACO.editor.getModels();
    return models.find(({ uri }) => uri.path.endsWith('operation.graphql')).getValue().startsWith(start);
  }, `# ${title}\n`);
}

async function run(page) {
  await page.evaluate(() => {
    const models = globalThis.__MONACO.editor.getModels();
    models.find(({ uri }) => uri.path.endsWith('response.json')).setValue('');
  });
  await page.locator('.graphiql-execute-button').click();
  return answer(page);
}

/** Ends the subscription that runs. */
async function stop(page) {
  await page.locator('.graphiql-execute-button').click();
  await page.waitForSelector('.live-line[data-phase="closed"]');
}

async function answer(page) {
  await page.waitForFunction(() => {
    const models = globalThis.__MONACO.editor.getModels();
    return models.find(({ uri }) => uri.path.endsWith('response.json')).getValue() !== '';
  });
  return JSON.parse((await state(page)).response);
}

async function differentAnswers(page, count) {
  const answers = [];
  let last = '';
  while (answers.length < count) {
    const handle = await page.waitForFunction((before) => {
      const models = globalThis.__MONACO.editor.getModels();
      const now = models.find(({ uri }) => uri.path.endsWith('response.json')).getValue();
      return now !== '' && now !== before ? now : null;
    }, last);
    last = await handle.jsonValue();
    answers.push(JSON.parse(last));
  }
  return answers;
}

async function state(page) {
  return page.evaluate(() => {
    const models = globalThis.__MONACO.editor.getModels();
    const text = (name) => models.find(({ uri }) => uri.path.endsWith(name))?.getValue() ?? null;
    return {
      query: text('operation.graphql'),
      variables: text('variables.json'),
      headers: text('request-headers.json'),
      response: text('response.json'),
    };
  });
}

async function picture(page, name) {
  if (!options.pictures) return;
  await page.waitForTimeout(400); // transitions of colour
  await page.screenshot({ path: join(options.pictures, `${name}.png`) });
}
